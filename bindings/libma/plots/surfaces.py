"""Surfaces of magnitudes over tokens and dims, as in figures 1 to 3 and 7 of Sun et al. 2024."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator

from . import style

_MOST_POINTS = 400  # of one token's line; what is left out is smaller than what is drawn
_MOST_TICKS = 4
_NEAREST = 0.15  # distance of two labels of dims, in d
_MOST_TOKENS = 24  # with a label each
_SHOWN = 0.02  # of the largest entry: smaller ones of a named dim keep the colour of the rest
_SMALL = 2.4  # inches: panels below that have smaller letters
_HEAD = 0.36  # inches for the title of the whole figure
_FOOT = 0.15  # inches below the labels of tokens
_HEIGHT = 0.7  # of a panel, in its width
_OVERLAP = 0.1  # by which axes stick out above and below, in heights of a panel: 3-D axes leave room there


@dataclass(frozen=True)
class Panel:
    """One surface."""

    title: str
    values: np.ndarray  # [pos, d], not negative
    tokens: Sequence[str]  # [pos]
    dims: Sequence[int]  # named, their entries in a colour of their own


def draw(panels: Sequence[Panel], width: float, columns: int, title: str) -> Drawing:
    """All panels in rows of `columns`: for each token a line over dims."""
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    height = width / columns * _HEIGHT
    drawing = style.new_drawing(width, _HEAD + rows * height + _FOOT)
    drawing.set_layout_engine("none")  # it leaves 3-D axes too much room
    drawing.suptitle(style.plain(title), fontsize=8, y=1 - 0.08 / drawing.get_figheight(), va="top")
    high = height / drawing.get_figheight()
    shift = 0.03 if width / columns < _SMALL else 0.05  # numbers stand on the right, tokens below
    for index, panel in enumerate(panels):
        row, column = divmod(index, columns)
        low = _FOOT / drawing.get_figheight() + (rows - 1 - row - _OVERLAP + 0.03) * high
        place = (column / columns - shift / columns, low, 1 / columns, (1 + 2 * _OVERLAP) * high)
        axes = drawing.add_axes(place, projection="3d")
        axes.patch.set_alpha(0)
        _draw_panel(axes, panel, width / columns)
    return drawing


def top_dims(values: np.ndarray, threshold: float, least: int = 1) -> list[int]:
    """The dims of [pos, d] that hold an entry above `threshold`, largest first; `least` of them even when none is."""
    largest = values.max(axis=0)
    order = [int(dim) for dim in np.argsort(-largest, kind="stable")[:_MOST_TICKS]]
    above = [dim for dim in order if largest[dim] > threshold]
    return above if len(above) >= least else order[:least]


def _draw_panel(axes: Any, panel: Panel, width: float) -> None:
    values, dims = panel.values, list(panel.dims)
    largest = max(float(np.nanmax(values)), 1e-12)
    at, heights = _thinned(values)
    for position in reversed(range(len(values))):  # those in front last
        axes.plot(np.full(len(at), position), at, heights[position], color=style.COLOURS[0], linewidth=0.5)
        for dim in dims:
            if values[position, dim] > _SHOWN * largest:
                ends = [0, values[position, dim]]
                axes.plot([position] * 2, [dim] * 2, ends, color=style.COLOURS[1], linewidth=1.3)
    axes.set_zlim(0, largest * 1.02)
    axes.set_ylim(0, values.shape[1] - 1)
    _label(axes, panel, width)


def _apart(dims: Sequence[int], n_dims: int) -> list[int]:
    """Those of `dims` whose labels have room; the earlier ones, which are larger, come first."""
    kept: list[int] = []
    for dim in dims:
        if all(abs(dim - other) > _NEAREST * n_dims for other in kept):
            kept.append(dim)
    return kept


def _thinned(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Dims and values [pos, point], the largest of each few neighbours."""
    n_dims = values.shape[1]
    step = -(-n_dims // _MOST_POINTS)
    starts = np.arange(0, n_dims, step)
    return starts + (step - 1) / 2, np.maximum.reduceat(values, starts, axis=1)


def _label(axes: Any, panel: Panel, width: float) -> None:
    is_small = width < _SMALL
    size = 5.0 if is_small else 6.0
    axes.view_init(elev=20, azim=-58)
    axes.set_box_aspect((1.7, 1.0, 0.75), zoom=0.94 if is_small else 1.0)
    step = -(-len(panel.tokens) // _MOST_TOKENS)
    places = range(0, len(panel.tokens), step)
    labels = style.token_labels([panel.tokens[place] for place in places])
    axes.set_xticks(places, labels, rotation=50, ha="right", va="top", rotation_mode="anchor")
    dims = _apart(panel.dims, panel.values.shape[1])
    axes.set_yticks(dims, [str(dim) for dim in dims], ha="left", va="center")
    axes.zaxis.set_major_formatter(style.thousands)
    axes.zaxis.set_major_locator(MaxNLocator(nbins=5, prune="lower"))
    for axis, pad in (("x", -5), ("y", -5), ("z", -2)):
        axes.tick_params(axis=axis, pad=pad, labelsize=size)
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set_linewidth(0.5)
        axis._axinfo["grid"].update(linewidth=0.3, color="#dddddd")
    axes.text2D(0.54, 0.88, style.plain(panel.title), transform=axes.transAxes, ha="center", va="top", fontsize=7)
