"""From a massive activation to the weights that write it: blocks, neurons, peaks of MLPs, singular values, norms of rows."""

import numpy as np
from matplotlib.ticker import MaxNLocator

from ..results import Results
from . import ablation, style
from .figure import Figure


def figures(results: Results, paper: bool) -> list[Figure]:
    """Who writes the entry, the spikes of the MLPs, the spectra on record, and what the weights are worth."""
    drawn = [_blocks(results), _neurons(results), _peaks(results)]
    if results.has_tensors("singular_values"):
        drawn += [_spectra(results), _slices(results)]
    if results.has("table"):
        drawn += ablation.perplexity_figures(results, style.PAPER if paper else style.FULL)
    return drawn


def _entry(results: Results) -> str:
    return f"dim {results.detail('decomposed', 'dim')}"


def _blocks(results: Results) -> Figure:
    """What attention and MLP of each block add to the entry, and the entry itself."""
    table = results.table("blocks")
    blocks = table.numbers("block")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.6)
    for index, part in enumerate(("attention", "MLP")):
        axes.bar(blocks + (index - 0.5) * 0.4, table.numbers(part), 0.4, color=style.colour(index), label=part)
    axes.plot(blocks, table.numbers("after"), color="black", linewidth=0.8, label="the entry")
    axes.axhline(0, color="black", linewidth=0.5)
    axes.yaxis.set_major_formatter(style.thousands)
    axes.set_ylabel(_entry(results))
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = f"What attention and the MLP of each block write to {_entry(results)} of the massive token, and the entry after the block."
    return Figure("blocks", caption, drawing)


def _neurons(results: Results) -> Figure:
    """The neurons that write most of it."""
    table = results.table("contributions")
    names, shares = table.texts("neuron"), table.numbers("share of MLP")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=0.7 + 0.17 * len(names))
    places = np.arange(len(names))
    axes.barh(places, shares, 0.72, color=style.COLOURS[0])
    axes.plot(table.numbers("cumulative"), places, color=style.COLOURS[1], marker="o", label="cumulative")
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("share of the MLP's write (%)")
    axes.set_ylabel("neuron")
    style.legend_below(drawing, axes)
    block = results.detail("decomposed", "block_0_based")
    caption = f"Neurons of block {block} (layer {int(block) + 1}) that write most of {_entry(results)}."
    return Figure("neurons", caption, drawing)


def _peaks(results: Results) -> Figure:
    """Largest input and output of each down projection (Yu et al. 2024)."""
    table = results.table("peaks")
    blocks = table.numbers("block")
    drawing, (axes,) = style.panels(style.COLUMN, 1, height=2.4)
    for index, (name, label) in enumerate([("largest input there", "input"), ("largest output", "output")]):
        axes.plot(blocks, np.abs(table.numbers(name)), color=style.colour(index), marker="os"[index], label=label)
    threshold = results.detail("search", "output_threshold")
    if threshold is not None:
        axes.axhline(float(threshold), color=style.GREY, linestyle="--", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_ylabel("magnitude")
    style.layer_axis(axes)
    style.legend_below(drawing, axes)
    caption = (
        "Largest magnitude at the output of each block's down projection, and the largest input of the same token (Yu et al. 2024). "
        "Dashed: the threshold of a spike in the output."
    )
    return Figure("peaks", caption, drawing)


def _spectra(results: Results) -> Figure:
    """Singular values in descending order; a panel for each block on record."""
    spectra = results.tensors("singular_values")
    blocks = list(
        dict.fromkeys(name.split(".")[1] for name in sorted(spectra, key=lambda name: int(name.split(".")[1])))
    )
    drawing, axes = style.panels(
        style.FULL if len(blocks) > 1 else style.COLUMN, len(blocks), columns=3, height=2.3, sharey=True
    )
    for axis, block in zip(axes, blocks, strict=True):
        own = sorted(name for name in spectra if name.split(".")[1] == block)
        for index, name in enumerate(own):
            values = spectra[name]
            label = style.plain(".".join(name.split(".")[2:]))
            style_of = "-" if index < len(style.COLOURS) else "--"
            axis.plot(np.arange(1, len(values) + 1), values, style_of, color=style.colour(index), label=label)
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xlabel("rank")
        axis.set_title(f"block {block} (layer {int(block) + 1})")
    axes[0].set_ylabel("singular value")
    style.legend_below(drawing, axes[0])
    caption = "Singular values of the matrices of the blocks that write the massive activations."
    return Figure("singular_values", caption, drawing)


def _slices(results: Results) -> Figure:
    """Norms of the rows and columns that belong to massive dims and their neurons, in units of the median."""
    table = results.table("slices")
    ratios = table.numbers("norm") / table.numbers("median norm")
    names = [
        f"block {block}: {matrix}, {what} {index}"
        for block, matrix, what, index in zip(
            table.texts("block"), table.texts("matrix"), table.texts("what"), table.texts("index"), strict=True
        )
    ]
    order = np.argsort(-ratios, kind="stable")[:24]
    drawing, (axes,) = style.panels(style.FULL * 0.75, 1, height=0.6 + 0.15 * len(order))
    places = np.arange(len(order))
    colours = [style.COLOURS[0 if table.texts("what")[place] == "dim" else 1] for place in order]
    axes.barh(places, ratios[order], 0.72, color=colours)
    axes.axvline(1, color="black", linestyle="--", linewidth=0.8)
    axes.set_yticks(places, [style.plain(names[place]) for place in order])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("norm / median norm of the matrix")
    caption = (
        "Lengths of the rows and columns of massive dims (blue) and of the neurons that write them (orange), over the median of their matrix; "
        "the largest 24."
    )
    return Figure("slices", caption, drawing)
