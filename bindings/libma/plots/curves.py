"""Curves of magnitudes over the blocks, shared by the experiments that have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..results import Table, number
from . import style
from .figure import Figure

LINES = ("top 1", "top 2", "top 3", "median")
_STYLES: dict[str, dict[str, Any]] = {
    "top 1": {"color": style.COLOURS[1], "marker": "o"},
    "top 2": {"color": style.COLOURS[4], "marker": "s"},
    "top 3": {"color": style.COLOURS[2], "marker": "^"},
    "median": {"color": style.COLOURS[0], "marker": "D"},
}
CAPTION = (
    "Largest magnitudes of the residual stream and its median after each block, mean over the calibration sequences; "
    "bands are one standard deviation. Shaded: blocks after which most sequences meet the criterion."
)
PAPER_CAPTION = (
    "Three largest activation magnitudes and the median magnitude at each layer (Fig. 4 of Sun et al. 2024), "
    "mean over the calibration sequences."
)


def draw(axes: Axes, layers: Table, spread: Mapping[str, np.ndarray] | None = None) -> None:
    """The lines `top 1` to `top 3` and `median` over blocks, a band of one standard deviation around each."""
    blocks = layers.numbers("block")
    axes.set_yscale("log")
    _shade(axes, layers, blocks)
    for name in LINES:
        values = layers.numbers(name)
        axes.plot(blocks, values, label=name, markersize=2.2, **_STYLES[name])
        if spread and name in spread and len(spread[name]) == len(values):
            floor = values[values > 0].min(initial=np.inf) / 2  # a logarithmic axis has no zero
            low = np.maximum(values - spread[name], floor)
            axes.fill_between(blocks, low, values + spread[name], color=_STYLES[name]["color"], alpha=0.2, lw=0)
    style.layer_axis(axes)


def figure(tables: Sequence[tuple[str, Table, Mapping[str, np.ndarray]]]) -> Figure:
    """One panel for each title, table of layers and spread; a common logarithmic axis."""
    drawing, axes = style.panels(style.FULL, len(tables), columns=3, height=2.5, sharey=True)
    for axis, (title, layers, spread) in zip(axes, tables, strict=True):
        draw(axis, layers, spread)
        axis.set_title(style.plain(title))
    axes[0].set_ylabel("magnitude")
    style.legend_below(drawing, axes[0])
    return Figure("magnitudes", CAPTION, drawing)


def paper_figure(tables: Sequence[tuple[str, Table]]) -> Figure:
    """Fig. 4: one panel a model, linear axis, layers counted from 1."""
    drawing, axes = style.panels(style.PAPER, len(tables), columns=3, height=1.6)
    for axis, (title, layers) in zip(axes, tables, strict=True):
        for name in LINES:
            axis.plot(layers.numbers("layer"), layers.numbers(name), label=name, markersize=2.2, **_STYLES[name])
        axis.set_title(style.plain(title))
        axis.set_xlabel("layer")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
        axis.yaxis.set_major_formatter(style.thousands)
        axis.set_ylim(bottom=0)
    axes[0].set_ylabel("magnitude")
    style.legend_below(drawing, axes[0])
    return Figure("figure_4", PAPER_CAPTION, drawing)


def ratio_figure(lines: Sequence[tuple[str, Table, str]], ratio: float) -> Figure:
    """How far the largest magnitude lies above the median: a line for each label, table of layers and its column."""
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.5)
    for index, (label, layers, column) in enumerate(lines):
        line: dict[str, Any] = {"color": style.colour(index), "marker": style.MARKERS[index % len(style.MARKERS)]}
        axes.plot(layers.numbers("block"), layers.numbers(column), label=style.plain(label), markevery=3, **line)
    axes.axhline(ratio, color=style.GREY, linestyle="--", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("largest magnitude / median")
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = (
        "Largest magnitude after each block in units of the median magnitude. "
        f"Dashed: the criterion, {style.magnitude(ratio)} medians."
    )
    return Figure("ratios", caption, drawing)


def spread_of(blocks: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
    """Standard deviations [block] by line, from the blocks of a profile in a record; none where it has none."""
    if not blocks or any("top_std" not in block for block in blocks):
        return {}
    found = {f"top {i + 1}": np.array([number(block["top_std"][i]) for block in blocks]) for i in range(3)}
    found["median"] = np.array([number(block.get("median_std")) for block in blocks])
    return found


def _shade(axes: Axes, layers: Table, blocks: np.ndarray) -> None:
    """Marks the blocks after which more than half of the sequences meet the criterion."""
    if not layers.has("massive in sequences"):
        return
    for block in blocks[layers.numbers("massive in sequences") > 50]:
        axes.axvspan(block - 0.5, block + 0.5, color="#f0f0f0", lw=0, zorder=0)
