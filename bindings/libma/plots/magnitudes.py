"""How large activations are: surfaces (Fig. 1 to 3 of Sun et al. 2024), curves by block (Fig. 4), ratios to the median."""

from typing import Any

import numpy as np

from ..errors import FileError
from ..results import Results, Table, number
from . import curves, style, surfaces
from .figure import Figure

_ARMS = {"no": "without BOS", "yes": "with BOS"}


def figures(results: Results, paper: bool) -> list[Figure]:
    """Curves of each arm, their ratios to the median, and the surfaces of the prompts."""
    layers = results.table("layers")
    arms = {cell: layers.where("BOS", cell) for cell in layers.distinct("BOS")}
    if not arms:
        raise FileError(f"[{layers.path}] has no rows")
    model = ", ".join(results.models)
    titles = {cell: _ARMS.get(cell, cell) for cell in arms} if len(arms) > 1 else dict.fromkeys(arms, model)
    if paper:
        drawn = [curves.paper_figure([(titles[cell], _blocks(rows)) for cell, rows in arms.items()])]
        return [*drawn, *_surfaces(results, "figure_1", style.PAPER)]
    tables = [(titles[cell], rows, _spread(rows)) for cell, rows in arms.items()]
    continuous = results.table("continuous")
    lines = [(titles[cell], continuous.where("BOS", cell), "top 1 / median") for cell in arms]
    ratio = float(results.setting("find", "ratio", default=1000))
    return [curves.figure(tables), curves.ratio_figure(lines, ratio), *_surfaces(results, "surface", style.FULL)]


def _blocks(rows: Table) -> Table:
    """The rows of blocks, without that of the embedding."""
    return Table(
        rows.path,
        rows.columns,
        [row for row, block in zip(rows.rows, rows.numbers("block"), strict=True) if block >= 0],
    )


def _spread(rows: Table) -> dict[str, np.ndarray]:
    return {name: rows.numbers(f"{name} std") for name in curves.LINES}


def _surfaces(results: Results, name: str, width: float) -> list[Figure]:
    """All prompts at the block where they are largest; then every block on record, for the first prompt."""
    described = results.detail("surfaces", default=[])
    if not described:
        return []
    tensors = results.tensors("surface")
    first = [surface for surface in described if surface["bos"] == described[0]["bos"]]
    peak = max(first, key=lambda surface: float(tensors[surface["tensor"]].max()))["block_0_based"]
    of_prompts = [surface for surface in first if surface["block_0_based"] == peak]
    of_blocks = [surface for surface in first if surface["prompt"] == first[0]["prompt"]]
    model = ", ".join(results.models)
    where = (
        f"{model}, layer {peak + 1}" if name.startswith("figure") else f"{model} after block {peak} (layer {peak + 1})"
    )
    drawn = [_draw(results, of_prompts, name, width, where)]
    if len(of_blocks) > 1 and not name.startswith("figure"):
        titled = [{**surface, "title": _title(surface["block_0_based"])} for surface in of_blocks]
        drawn.append(_draw(results, titled, f"{name}_blocks", width, model))
    return drawn


def _draw(results: Results, shown: list[dict[str, Any]], name: str, width: float, title: str) -> Figure:
    tensors = results.tensors("surface")
    magnitude = float(results.setting("find", "magnitude", default=100))
    ratio = float(results.setting("find", "ratio", default=1000))
    panels = []
    for surface in shown:
        values = np.abs(tensors[surface["tensor"]]).astype(np.float64)
        dims = surfaces.top_dims(values, max(magnitude, ratio * number(surface["median"])))
        panels.append(surfaces.Panel(surface.get("title", ""), values, surface["tokens"], dims))
    drawing = surfaces.draw(panels, width, 2 if len(panels) in (2, 4) else 3, title)
    bos = "with" if shown[0]["bos"] else "without"
    caption = (
        f"Magnitudes of the residual stream over tokens and dims, {bos} a BOS. The dims that are named, in orange, hold entries that "
        "meet the criterion, or else the largest one."
    )
    return Figure(name, caption, drawing)


def _title(block: int) -> str:
    return "embedding" if block < 0 else f"after block {block} (layer {block + 1})"
