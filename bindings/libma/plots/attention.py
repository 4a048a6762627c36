"""Attention sinks by block and head; attention logits and probabilities of prompts (Fig. 5 and 6 of Sun et al. 2024)."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..results import Results, Table
from . import style
from .figure import Figure

_NAMED = 14  # more tokens than these are not labelled one by one


def figures(results: Results, paper: bool) -> list[Figure]:
    """Sinks by block, attention on massive tokens by head, and a figure of maps for each prompt."""
    prompts: list[dict[str, Any]] = results.detail("prompts", default=[])
    if paper and prompts:
        return [_paper_maps(results, prompts)]
    drawn = []
    if results.has("sinks"):
        drawn += [_sinks(results), _heads(results)]
    for index, prompt in enumerate(prompts):
        drawn.append(_maps(results, index, prompt))
    return drawn


def _sinks(results: Results) -> Figure:
    """Shares of sinks, and attention on massive tokens, by block; a line for each kind of tokens."""
    table = results.table("sinks")
    shares = [name.removesuffix(" (%)") for name in table.columns if name.startswith("first token is a sink")]
    measures = [*shares, "on massive tokens"]
    drawing, axes = style.panels(style.FULL, len(measures), columns=3, height=2.3, sharey=True)
    for axis, measure in zip(axes, measures, strict=True):
        for index, kind in enumerate(table.distinct("tokens")):
            rows = table.where("tokens", kind)
            line: dict[str, Any] = {"color": style.colour(index), "marker": style.MARKERS[index % len(style.MARKERS)]}
            axis.plot(rows.numbers("block"), rows.numbers(measure), label=style.plain(kind), markersize=2.2, **line)
        axis.set_title(style.plain(measure) if measure in shares else "attention on massive tokens")
        axis.set_ylim(0, 102)
        style.layer_axis(axis)
    axes[0].set_ylabel("%")
    style.legend_below(drawing, axes[0])
    caption = (
        "Attention sinks after Gu et al. 2025: share of heads and sequences whose first token draws more than eps of the attention on average "
        "over queries; and the mean attention on all massive tokens together. One line for each kind of sequences."
    )
    return Figure("sinks", caption, drawing)


def _heads(results: Results) -> Figure:
    """Attention on massive tokens of every head: one map for each kind of tokens."""
    table = results.table("heads")
    kinds = table.distinct("tokens")
    drawing, axes = style.panels(style.FULL, len(kinds), columns=3, height=2.3, sharey=True)
    for axis, kind in zip(axes, kinds, strict=True):
        blocks, grid = _grid(table.where("tokens", kind), "on massive tokens")
        ends = (blocks[0] - 0.5, blocks[-1] + 0.5, -0.5, len(grid) - 0.5)
        mappable = style.heat(axis, grid, cmap=style.SEQUENTIAL, vmin=0, vmax=100, origin="lower", extent=ends)
        axis.set_title(style.plain(kind))
        axis.yaxis.set_major_locator(MaxNLocator(integer=True))
        style.layer_axis(axis)
    axes[0].set_ylabel("head")
    drawing.colorbar(mappable, ax=axes, label="attention on massive tokens (%)")
    caption = "Mean attention of every head on all massive tokens together, for each kind of sequences."
    return Figure("heads", caption, drawing)


def _grid(rows: Table, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Blocks, and a column as [head, block]."""
    blocks, heads = np.unique(rows.numbers("block")), np.unique(rows.numbers("head"))
    return blocks, rows.numbers(name).reshape(len(blocks), len(heads)).T


def _maps(results: Results, index: int, prompt: dict[str, Any]) -> Figure:
    """Logits above, probabilities below, of each block on record."""
    tensors = results.tensors("maps")
    layers = [int(layer) for layer in tensors[f"prompt.{index}.layers"]]
    drawing = style.new_drawing(style.FULL, 0.6 + 2 * style.FULL / len(layers) * 0.85)
    grid = style.grid(drawing, 2, len(layers))
    for column, layer in enumerate(layers):
        logits = _visible(tensors[f"prompt.{index}.logits"][column])
        pattern = np.where(np.isfinite(logits), tensors[f"prompt.{index}.pattern"][column], np.nan)
        shown = (
            style.heat(grid[0][column], logits, **style.symmetric(logits)),
            style.heat(grid[1][column], pattern, cmap=style.SEQUENTIAL, vmin=0, vmax=1),
        )
        grid[0][column].set_title(f"block {layer} (layer {layer + 1})")
        for row, (mappable, label) in enumerate(zip(shown, ("logit", "probability"), strict=True)):
            drawing.colorbar(mappable, ax=grid[row][column], label=label if column == len(layers) - 1 else "")
            _label(grid[row][column], prompt, row == 1, column == 0)
    caption = (
        f"Attention in a prompt, mean over heads: softmax inputs (above) and outputs (below); a row is a query, a column a key. "
        f"{_massive(prompt)}"
    )
    return Figure(f"maps_prompt_{index}", caption, drawing)


def _paper_maps(results: Results, prompts: list[dict[str, Any]]) -> Figure:
    """Fig. 5: logits, mean over heads, of the longest prompt; a panel for each block."""
    index = max(range(len(prompts)), key=lambda i: len(prompts[i]["tokens"]))
    tensors = results.tensors("maps")
    layers = [int(layer) for layer in tensors[f"prompt.{index}.layers"]]
    drawing = style.new_drawing(style.PAPER, 0.35 + style.PAPER / len(layers) * 0.95)
    for column, layer in enumerate(layers):
        axes = drawing.add_subplot(1, len(layers), column + 1)
        logits = _visible(tensors[f"prompt.{index}.logits"][column])
        drawing.colorbar(style.heat(axes, logits, **style.symmetric(logits)), ax=axes, shrink=0.8)
        axes.set_title(f"layer {layer + 1}")
        _label(axes, prompts[index], True, column == 0)
    drawing.suptitle(style.plain(", ".join(results.models)), fontsize=8)
    caption = f"Attention logits, mean over heads (Fig. 5 of Sun et al. 2024). {_massive(prompts[index])}"
    return Figure("figure_5", caption, drawing)


def _label(axes: Any, prompt: dict[str, Any], names_keys: bool, names_queries: bool) -> None:
    """Names the tokens, or only the massive ones where there are many; massive ones are bold."""
    tokens, massive = prompt["tokens"], set(prompt["massive"])
    places = list(range(len(tokens))) if len(tokens) <= _NAMED else sorted(massive)
    labels = style.token_labels([tokens[place] for place in places])
    axes.set_xticks(places, labels if names_keys else [], rotation=90)
    axes.set_yticks(places, labels if names_queries else [])
    for place, key in zip(places, axes.get_xticklabels(), strict=True):
        key.set_fontweight("bold" if place in massive else "normal")
    axes.tick_params(labelsize=6)


def _massive(prompt: dict[str, Any]) -> str:
    names = ", ".join(f"{place} ({prompt['tokens'][place]!r})" for place in prompt["massive"])
    return f"Tokens with massive activations: {names}." if names else "None of its tokens has massive activations."


def _visible(logits: np.ndarray) -> np.ndarray:
    """NaN where a query does not see a key."""
    visible: np.ndarray = np.where(np.isfinite(logits), logits, np.nan)
    return visible
