"""From the hidden state through the norm to queries, keys and values (Fig. 7 of Sun et al. 2024)."""

import numpy as np

from ..results import Results
from . import bars, style, surfaces
from .figure import Figure

_VECTORS = {
    "resid": "input",
    "normalized": "normalized",
    "with_gain": "with gain",
    "q": "query",
    "k": "key",
    "v": "value",
}
_PAPER_VECTORS = ("resid", "with_gain", "q", "k", "v")
_DOMINANT = 0.2  # of the largest entry: dims above it are named


def figures(results: Results, paper: bool) -> list[Figure]:
    """A surface for each vector on the way, of each prompt; how alike massive tokens and others are on it."""
    prompts = results.detail("prompts", default=[])
    if paper and prompts:
        return [_surfaces(results, 0, _PAPER_VECTORS, style.PAPER, "figure_7")]
    drawn = [_cosines(results)]
    for index in range(len(prompts)):
        drawn.append(_surfaces(results, index, tuple(_VECTORS), style.FULL, f"trajectory_prompt_{index}"))
    return drawn


def _surfaces(results: Results, index: int, vectors: tuple[str, ...], width: float, name: str) -> Figure:
    tensors = results.tensors("trajectory")
    tokens = results.detail("prompts")[index]["tokens"]
    block = int(results.detail("block_0_based"))
    panels = []
    for vector in vectors:
        values = np.abs(tensors[f"prompt.{index}.{vector}"]).astype(np.float64)
        values = values.reshape(len(values), -1)  # heads side by side
        names_dims = vector in ("resid", "normalized", "with_gain")
        dims = surfaces.top_dims(values, _DOMINANT * float(values.max())) if names_dims else []
        panels.append(surfaces.Panel(_VECTORS[vector], values, tokens, dims))
    title = f"{', '.join(results.models)}, block {block} (layer {block + 1})"
    drawing = surfaces.draw(panels, width, 3, title)
    caption = (
        "Magnitudes of each token's vectors on the way to attention: the residual stream, normalized, with the norm's gain, and queries, keys and values "
        "of all heads side by side. Named dims are above a fifth of the largest entry."
    )
    return Figure(name, caption, drawing)


def _cosines(results: Results) -> Figure:
    """Mean cosine of pairs of tokens, massive ones and others, for each vector."""
    table = results.table("groups")
    vectors, kinds = table.distinct("vector"), table.distinct("tokens")
    cosine = {
        (vector, kind): value
        for vector, kind, value in zip(
            table.texts("vector"), table.texts("tokens"), table.numbers("mean cosine of pairs"), strict=True
        )
    }
    none = np.full(len(kinds), np.nan)
    groups = [bars.Group(vector, np.array([cosine[vector, kind] for kind in kinds]), none) for vector in vectors]
    drawing, (axes,) = style.panels(style.FULL * 0.62, 1, height=2.3)
    bars.draw_groups(axes, groups, [f"{kind} tokens" for kind in kinds])
    axes.set_ylabel("mean cosine of pairs")
    axes.axhline(0, color="black", linewidth=0.6)
    style.legend_below(drawing, axes)
    caption = "How alike tokens are on the way to attention: mean cosine of pairs of tokens, massive ones and all others, heads averaged."
    return Figure("cosines", caption, drawing)
