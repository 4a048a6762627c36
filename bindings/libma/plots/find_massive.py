"""Magnitudes by block (Fig. 4 of Sun et al. 2024): the largest ones and the median of each model."""

from typing import Any

import numpy as np

from ..errors import FileError
from ..results import Results, Table
from . import curves, style
from .figure import Figure


def figures(results: Results, paper: bool) -> list[Figure]:
    """The magnitudes of each model; how far the largest lies above the median, of all models together."""
    layers = results.table("layers")
    models = layers.distinct("model")
    if not models:
        raise FileError(f"[{layers.path}] has no rows: no model could be measured")
    spreads = {entry["label"]: _spread(entry) for entry in results.detail("models", default=[])}
    if paper:
        return [curves.paper_figure([(model, layers.where("model", model)) for model in models])]
    tables = [(model, layers.where("model", model), spreads.get(model, {})) for model in models]
    return [curves.figure(tables), _ratios(results, layers, models)]


def _ratios(results: Results, layers: Table, models: list[str]) -> Figure:
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.5)
    for index, model in enumerate(models):
        rows = layers.where("model", model)
        line: dict[str, Any] = {
            "color": style.colour(index),
            "marker": style.MARKERS[index % len(style.MARKERS)],
            "markevery": 3,
        }
        axes.plot(rows.numbers("block"), rows.numbers("max / median"), label=style.plain(model), **line)
    ratio = float(results.setting("find", "ratio", default=1000))
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


def _spread(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    """Standard deviations over sequences by line."""
    return curves.spread_of(entry.get("profile", {}).get("blocks", []))
