"""Tokens of images: norms by block, histograms of patches (Darcet et al. 2024), attention of the class token (Fig. 14 of Sun et al. 2024)."""

from typing import Any

import numpy as np

from ..results import Results, Table
from . import style
from .figure import Figure

_PATCH = "patch"
_ONE_PATCH = "one patch"
_TOTALS = ("all patches", "all registers")
_BINS = 4  # bins of the file in one cell of the histogram


def figures(results: Results, paper: bool) -> list[Figure]:
    """What image_tokens measured; under `paper` the class token's attention alone, where it was measured."""
    has_attention = results.has("attention")
    if paper and has_attention:
        return [_attention(results, "figure_14", style.PAPER)]
    drawn = [_norms(results), _histogram(results)]
    if has_attention:
        drawn.append(_attention(results, "cls_attention", style.FULL))
    return drawn


def _norms(results: Results) -> Figure:
    """Mean norm of each kind of token over blocks, with a band of one standard deviation."""
    table = results.table("norms")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.7)
    for index, kind in enumerate(table.distinct("token")):
        rows = table.where("token", kind)
        blocks, mean, std = rows.numbers("block"), rows.numbers("mean norm"), np.nan_to_num(rows.numbers("std"))
        colour = _colour(kind, index)
        axes.plot(blocks, mean, color=colour, marker=style.MARKERS[index % len(style.MARKERS)], label=style.plain(kind))
        axes.fill_between(
            blocks, np.maximum(mean - std, rows.numbers("min")), mean + std, color=colour, alpha=0.2, lw=0
        )
    style.log_axis(axes.yaxis)
    axes.set_ylabel("norm of a token")
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = "Mean L2 norm of each kind of token after each block; bands are one standard deviation over images."
    return Figure("norms", caption, drawing)


def _histogram(results: Results) -> Figure:
    """How many patches of each block have such a norm: a column of shades a block."""
    tensors = results.tensors("tokens")
    edges: np.ndarray = tensors["norms.edges"]
    counts: np.ndarray = tensors["norms.patches"].astype(np.float64)
    n_cells = -(-counts.shape[1] // _BINS)
    padded = np.pad(counts, ((0, 0), (0, n_cells * _BINS - counts.shape[1])))
    shares = padded.reshape(len(counts), n_cells, _BINS).sum(axis=2)
    shares *= 100 / np.maximum(shares.sum(axis=1, keepdims=True), 1)
    ends = edges[0] * np.exp2(np.arange(n_cells + 1) * _BINS * np.log2(edges[1] / edges[0]))
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.7)
    sides = np.arange(len(counts) + 1) - 0.5
    shown = np.ma.masked_equal(shares.T, 0)
    mesh = axes.pcolormesh(sides, ends, shown, cmap=style.SEQUENTIAL, rasterized=True)
    style.log_axis(axes.yaxis)
    axes.grid(visible=False)
    threshold = results.setting("norms", "threshold")
    if threshold is not None and ends[0] < threshold < ends[-1]:
        axes.axhline(threshold, color="black", linestyle="--", linewidth=0.8)
    axes.set_ylabel("norm of a patch")
    style.layer_axis(axes)
    drawing.colorbar(mesh, ax=axes, label="patches of the block (%)")
    caption = "L2 norms of the patches after each block; each column adds to 100 %. Dashed, where in view: the threshold of high norm."
    return Figure("patch_norms", caption, drawing)


def _attention(results: Results, name: str, width: float) -> Figure:
    """Where the class token looks: all that each kind of token gets, and what one token of it gets."""
    table = results.table("attention")
    blocks = table.numbers("block")
    single = [c.removesuffix(" (%)") for c in table.columns[1:] if c.removesuffix(" (%)") not in _TOTALS]
    if name == "figure_14":
        return _mean_attention(table, single, name, width)
    drawing, (totals, tokens) = style.panels(width, 2, height=2.4)
    bottom = np.zeros(len(blocks))
    for index, kind in enumerate([k for k in single if k != _ONE_PATCH] + ["all patches"]):
        share = table.numbers(kind)
        totals.bar(blocks, share, 0.8, bottom=bottom, color=_colour(kind, index), label=style.plain(kind))
        bottom += share
    totals.set_ylabel("attention of the class token (%)")
    totals.set_ylim(0, 100)
    for index, kind in enumerate(single):
        line: dict[str, Any] = {"color": _colour(kind, index), "marker": style.MARKERS[index % len(style.MARKERS)]}
        tokens.plot(blocks, table.numbers(kind), label=style.plain(kind), **line)
    style.log_axis(tokens.yaxis)
    tokens.set_ylabel("on one token (%)")
    for axis in (totals, tokens):
        style.layer_axis(axis)
    style.legend_below(drawing, tokens)
    caption = (
        "Attention of the class token in each block, mean over heads and images: what all tokens of a kind get together "
        "(left, patches in the colour of one patch), and what one token gets (right)."
    )
    return Figure(name, caption, drawing)


def _mean_attention(table: Table, single: list[str], name: str, width: float) -> Figure:
    registers = [kind for kind in single if kind not in ("cls", _ONE_PATCH)]
    kinds = [*(registers or ["cls"]), _ONE_PATCH]
    drawing, (axes,) = style.panels(width / 2, 1, height=2.0)
    for place, kind in enumerate(kinds):
        shares = table.numbers(kind)
        axes.bar(place, shares.mean(), 0.65, color=style.COLOURS[0] if kind == _ONE_PATCH else style.COLOURS[1])
        axes.plot(np.full(len(shares), place), shares, ".", color="black", markersize=2, alpha=0.6)
    labels = [kind.replace("register:", "reg ").replace(_ONE_PATCH, "patch") for kind in kinds]
    axes.set_xticks(range(len(kinds)), [style.plain(label) for label in labels])
    axes.grid(visible=False, axis="x")
    axes.set_ylabel("average attention (%)")
    on = "each register and on one patch; reg 0 is the paper's first" if registers else "itself and on one patch"
    caption = f"Average attention of the class token on {on} (Fig. 14 of Sun et al. 2024). Bars are means over blocks, dots blocks."
    return Figure(name, caption, drawing)


def _colour(kind: str, index: int) -> str:
    """Patches have one colour in all figures of a run."""
    if "patch" in kind:
        return style.COLOURS[0]
    return (style.COLOURS[1:])[index % (len(style.COLOURS) - 1)]
