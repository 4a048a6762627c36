"""How figures look: sizes of a paper's columns, colours that the colour-blind tell apart, embedded vector fonts."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

COLUMN = 3.3  # width of a figure in one column, inches
FULL = 6.8  # width over both columns, inches
PAPER = 5.5  # text width of a page with one column, inches

# Okabe and Ito's colours, without the yellow that is too light for lines.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#666666"
MARKERS = "osD^v<>"
SEQUENTIAL = "Blues"
DIVERGING = LinearSegmentedColormap.from_list("libma", ["#0072B2", "#f7f7f7", "#D55E00"])

RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 8,
    "figure.constrained_layout.use": True,
    "figure.dpi": 200,
    "font.family": "DejaVu Sans",
    "font.size": 7,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 3,
    "pdf.fonttype": 42,  # TrueType: text stays text
    "ps.fonttype": 42,
    "savefig.dpi": 200,
    "svg.fonttype": "path",  # letters as outlines: the same on every machine
    "svg.hashsalt": "libma",  # the same bytes from the same results
    "xtick.labelsize": 7,
    "xtick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.labelsize": 7,
    "ytick.major.size": 2.5,
    "ytick.major.width": 0.6,
    "ytick.minor.size": 1.5,
    "ytick.minor.width": 0.4,
}


def colour(index: int) -> str:
    """The colour of the line or bar `index`."""
    return COLOURS[index % len(COLOURS)]


def new_drawing(width: float, height: float) -> Drawing:
    """An empty figure of that size in inches."""
    return Drawing(figsize=(width, height))


def panels(
    width: float, n_panels: int, columns: int = 3, height: float = 1.75, **options: Any
) -> tuple[Drawing, list[Axes]]:
    """A figure with a grid of `n_panels` axes, `height` inches a row; places that stay free are hidden.

    `options` are those of matplotlib's `Figure.subplots`.
    """
    columns = max(1, min(columns, n_panels))
    rows = max(1, math.ceil(n_panels / columns))
    drawing = new_drawing(width, height * rows)
    grid = drawing.subplots(rows, columns, squeeze=False, **options)
    axes = [grid[index // columns][index % columns] for index in range(rows * columns)]
    for spare in axes[n_panels:]:
        spare.set_visible(False)
    return drawing, axes[:n_panels]


def grid(drawing: Drawing, rows: int, columns: int) -> list[list[Axes]]:
    """Axes [row][column] that fill `drawing`."""
    return [list(row) for row in drawing.subplots(rows, columns, squeeze=False)]


def layer_axis(axes: Axes) -> None:
    """Blocks (0-based) below and layers (1-based) above, at the same ticks. Data are drawn over blocks."""
    axes.set_xlabel("block (0-based)")
    axes.set_xlim(np.ceil(axes.dataLim.x0) - 0.5, np.floor(axes.dataLim.x1) + 0.5)  # no tick beyond the last block
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    above = axes.secondary_xaxis("top")
    above.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    above.xaxis.set_major_formatter(lambda block, _: f"{block + 1:g}")
    above.set_xlabel("layer (1-based)")
    above.spines["top"].set_visible(False)


def legend_below(drawing: Drawing, axes: Axes) -> None:
    """One legend for all panels, from the lines of `axes`, where it hides nothing; as many columns as fit."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        inches = 0.38 + 0.062 * max(map(len, labels))
        columns = max(1, int((drawing.get_figwidth() - 0.2) / inches))
        drawing.legend(handles, labels, loc="outside lower center", ncols=min(columns, len(handles)))


def log_axis(axis: Axis) -> None:
    """Makes an axis logarithmic; over few octaves with ticks at 1, 2 and 5, written out."""
    axes = axis.axes
    (axes.set_yscale if axis is axes.yaxis else axes.set_xscale)("log")
    low, high = axis.get_view_interval()
    if low > 0 and high / low < 100:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(lambda value, _: f"{value:,g}")
        axis.set_minor_formatter(NullFormatter())


def heat(axes: Axes, values: np.ndarray, **options: Any) -> Any:
    """A heat map of `values` [row, column]; its colour bar. Cells stay sharp in every format."""
    mappable = axes.imshow(values, aspect="auto", interpolation="nearest", **options)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return mappable


def symmetric(values: np.ndarray) -> dict[str, Any]:
    """Options of `heat` for values on both sides of zero: zero is grey."""
    finite = np.abs(values[np.isfinite(values)])
    most = float(finite.max()) if finite.size and finite.max() > 0 else 1.0
    return {"cmap": DIVERGING, "vmin": -most, "vmax": most}


def plain(text: str) -> str:
    """A text of the data as it is: no formula in it, white space and control characters made visible."""
    shown = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
    shown = "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)
    return shown.replace("$", r"\$")


def token_labels(texts: Sequence[str]) -> list[str]:
    """Tokens as tick labels: a leading space is shown, long ones are cut."""
    labels = []
    for text in texts:
        shown = text if len(text) <= 12 else text[:11] + "…"
        shown = "␣" + shown[1:] if shown.startswith(" ") else shown
        labels.append(plain(shown) or "∅")
    return labels


def magnitude(value: float) -> str:
    """A number for a label: 24.1, 1,584,117, 1.2e+09, inf."""
    if not math.isfinite(value):
        return str(value)
    if abs(value) >= 1e7 or (value != 0 and abs(value) < 1e-3):
        return f"{value:.1e}"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def thousands(value: float, _position: float = 0) -> str:
    """A tick label: 20,000."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,g}"
