"""The implicit bias of attention (Fig. 8 of Sun et al. 2024): value updates, and how constant they are beside random tokens."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..results import Results
from . import ablation, style
from .figure import Figure

_PANELS = 3  # blocks of Fig. 8
_PARTS = {"massive": "massive tokens", "rest": "other tokens"}


def figures(results: Results, paper: bool) -> list[Figure]:
    """Value updates of the prompts; dispersion and share by block; what a constant in their place costs."""
    prompts: list[dict[str, Any]] = results.detail("prompts", default=None) or []
    tensors = results.tensors("value_updates") if prompts else {}
    if paper and prompts:
        return [_updates(results, tensors, 0, "figure_8")]
    drawn = [_constancy(results), _shares(results)]
    if results.has("table"):
        drawn += ablation.perplexity_figures(results, style.FULL)
    drawn += [_updates(results, tensors, index, f"value_updates_prompt_{index}") for index in range(len(prompts))]
    return drawn


def _constancy(results: Results) -> Figure:
    """Dispersion of each head and the mean over heads, beside that of random tokens."""
    heads, layers = results.table("bias_constancy"), results.table("layers")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.8)
    axes.plot(
        heads.numbers("block"),
        heads.numbers("dispersion"),
        ".",
        color=style.COLOURS[0],
        ms=2,
        alpha=0.5,
        label="a head",
    )
    blocks = layers.numbers("block")
    axes.plot(blocks, layers.numbers("dispersion"), color=style.COLOURS[0], label="massive tokens, mean of heads")
    if layers.has("null_mean"):
        null = layers.numbers("null_mean")
        axes.plot(blocks, null, color=style.COLOURS[1], linestyle="--", label="random tokens, mean of heads")
        spread = [
            np.nanmean(heads.where("block (0-based)", cell).numbers("null_std")) for cell in layers.texts("block")
        ]
        axes.fill_between(
            blocks, null - np.array(spread), null + np.array(spread), color=style.COLOURS[1], alpha=0.2, lw=0
        )
    style.log_axis(axes.yaxis)
    axes.set_ylabel(r"dispersion of $u_k$")
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = (
        "How much what attention takes from massive tokens, u_k, differs between queries k: RMS distance from the mean u over its "
        "length; 0 is a constant. Random tokens: as many of the others, mean and standard deviation over sets."
    )
    return Figure("constancy", caption, drawing)


def _shares(results: Results) -> Figure:
    layers = results.table("layers")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.6)
    for index, (name, label) in enumerate(
        [("attention", "attention on massive tokens"), ("share, all heads", "share of attention's output")]
    ):
        axes.plot(
            layers.numbers("block"), layers.numbers(name), color=style.colour(index), marker="os"[index], label=label
        )
    axes.set_ylim(bottom=0)
    axes.set_ylabel("%")
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = (
        "What queries give to massive tokens (mean of heads) and what they get from them: RMS length of u_k over that of the whole "
        "output of attention, all heads together."
    )
    return Figure("shares", caption, drawing)


def _updates(results: Results, all_tensors: dict[str, np.ndarray], index: int, name: str) -> Figure:
    """Heat maps of what each query gets from massive tokens (above) and from the others (below) in three blocks."""
    prefix = f"prompt.{index}."
    tensors = {key.removeprefix(prefix): x for key, x in all_tensors.items() if key.startswith(prefix)}
    is_paper = name.startswith("figure")
    members: np.ndarray = tensors["members"].astype(bool)
    blocks = _chosen(results, len(tensors["massive"]))
    drawing = style.new_drawing(style.PAPER if is_paper else style.FULL, 3.0)
    grid = style.grid(drawing, len(_PARTS), len(blocks))
    for row, (part, title) in zip(grid, _PARTS.items(), strict=True):
        for axes, block in zip(row, blocks, strict=True):
            mappable = style.heat(axes, tensors[part][block], **_scale(tensors, block))
            axes.yaxis.set_major_locator(MaxNLocator(integer=True))
            axes.tick_params(labelbottom=row is grid[-1], labelleft=axes is row[0])
            if row is grid[0]:
                axes.set_title(f"layer {block + 1}" if is_paper else f"block {block} (layer {block + 1})")
            else:
                axes.set_xlabel("dim of attention's output")
                ticks = MaxNLocator(nbins=3, symmetric=True)
                drawing.colorbar(mappable, ax=axes, location="bottom", aspect=30, extend="both", ticks=ticks)
        row[0].set_ylabel(f"{title}\nquery")
    listed = ", ".join(str(place) for place in np.flatnonzero(members)) or "none"
    caption = (
        f"Value updates of each query of the prompt {results.detail('prompts')[index]['text']!r}, from the tokens with massive activations (above; their positions: "
        f"{listed}) and from all others (below), of all heads side by side. One scale for both maps of a layer, clipped at the largest percent."
    )
    return Figure(name, caption, drawing)


def _scale(tensors: dict[str, np.ndarray], block: int) -> dict[str, Any]:
    """One scale for both parts of a block; what is beyond the largest percent of both has the colour of its end."""
    both = np.abs(np.concatenate([tensors[part][block].ravel() for part in _PARTS]))
    most = float(np.percentile(both, 99)) or 1.0
    return {"cmap": style.DIVERGING, "vmin": -most, "vmax": most}


def _chosen(results: Results, n_blocks: int) -> list[int]:
    """The first, the middle and the last block that massive activations are seen in, of those edited where that is on record."""
    edited = results.detail("edited_blocks_0_based") or list(range(n_blocks))
    places = np.unique(np.linspace(0, len(edited) - 1, _PANELS).round().astype(int))
    return [int(edited[place]) for place in places]
