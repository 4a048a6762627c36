"""Magnitudes by block (Fig. 4 of Sun et al. 2024): the largest ones and the median of each model."""

from typing import Any

import numpy as np

from ..errors import FileError
from ..results import Results
from . import curves
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
    ratio = float(results.setting("find", "ratio", default=1000))
    lines = [(model, layers.where("model", model), "max / median") for model in models]
    return [curves.figure(tables), curves.ratio_figure(lines, ratio)]


def _spread(entry: dict[str, Any]) -> dict[str, np.ndarray]:
    """Standard deviations over sequences by line."""
    return curves.spread_of(entry.get("profile", {}).get("blocks", []))
