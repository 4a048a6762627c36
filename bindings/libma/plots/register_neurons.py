"""Register neurons and test-time registers (Jiang et al. 2025): norms and outliers before and after the shift, and the neurons."""

import numpy as np

from ..results import Results
from . import bars, style
from .figure import Figure


def figures(results: Results, paper: bool) -> list[Figure]:
    """Largest norms and shares of outliers by block, before and after; what the neurons do at outliers."""
    drawn = [_norms(results, style.PAPER if paper else style.FULL)]
    if len(results.table("neurons")):
        drawn.append(_neurons(results))
    return drawn


def _norms(results: Results, width: float) -> Figure:
    """Left, the largest norm of each kind of token; right, the share of patches that are outliers."""
    norms, outliers = results.table("norms"), results.table("outliers")
    drawing, (left, right) = style.panels(width, 2, height=2.6)
    for index, kind in enumerate(norms.distinct("token")):
        rows = norms.where("token", kind)
        for column, line in (("max before", "--"), ("max after", "-")):
            values = rows.numbers(column)
            if np.isfinite(values).any():
                label = "_" if line == "--" and np.isfinite(rows.numbers("max after")).any() else style.plain(kind)
                left.plot(rows.numbers("block"), values, line, color=style.colour(index), label=label)
    style.log_axis(left.yaxis)
    left.set_ylabel("largest norm")
    for heading, line in ((outliers.columns[2], "--"), (outliers.columns[4], "-")):
        values = outliers.numbers(heading)
        if np.isfinite(values).any():
            right.plot(outliers.numbers("block"), values, line, color=style.COLOURS[0])
    right.set_title(style.plain(outliers.columns[2].removesuffix(" before (%)")))
    right.set_ylabel("%")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        style.layer_axis(axes)
    style.legend_below(drawing, left)
    caption = (
        "Largest L2 norm of each kind of token after each block, and the share of patches of high norm; dashed before, solid after the "
        "register neurons are shifted to test-time registers."
    )
    return Figure("norms", caption, drawing)


def _neurons(results: Results) -> Figure:
    """Mean magnitude of each register neuron at outliers and elsewhere."""
    table = results.table("neurons")
    names = [
        f"block {block}, {neuron}" for block, neuron in zip(table.texts("block"), table.texts("neuron"), strict=True)
    ]
    kinds = ("mean magnitude at outliers", "elsewhere")
    values = np.stack([table.numbers(kind) for kind in kinds])
    none = np.full(len(kinds), np.nan)
    groups = [bars.Group(name, values[:, index], none) for index, name in enumerate(names)]
    drawing, (axes,) = style.panels(style.FULL if len(groups) > 4 else style.COLUMN, 1, height=2.3)
    bars.draw_groups(axes, groups, ["at outliers", "elsewhere"])
    if len(groups) > 4:
        axes.tick_params(axis="x", rotation=30)
    axes.set_ylabel("mean magnitude")
    style.legend_below(drawing, axes)
    return Figure(
        "neurons", "Mean magnitude of the register neurons at patches of high norm, and at all others.", drawing
    )
