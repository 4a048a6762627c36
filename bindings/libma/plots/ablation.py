"""What edits cost (Table 3 of Sun et al. 2024): perplexities on a logarithmic axis, accuracies with standard errors."""

import math
import re

import numpy as np

from ..errors import FileError
from ..results import Results, Table, number
from . import bars, style
from .figure import Figure

_CHANCE = "chance"
_PER_LETTER = 0.065  # inches that a long name takes


def figures(results: Results, paper: bool) -> list[Figure]:
    """Perplexity and accuracy of each condition; the paper has a table of them, no figure."""
    width = style.PAPER if paper else style.FULL
    table = results.table("table")
    conditions = _conditions(table)
    drawn = perplexity_figures(results, width)
    accuracies = _accuracies(table, conditions)
    return [*drawn, _draw_accuracies(accuracies, conditions, width)] if accuracies else drawn


def perplexity_figures(results: Results, width: float) -> list[Figure]:
    """One figure of the perplexities in a table of conditions; none where it has no such column."""
    table = results.table("table")
    conditions = _conditions(table)
    groups = _perplexities(results, table, conditions)
    return [_draw_perplexities(groups, conditions, width)] if groups else []


def _conditions(table: Table) -> list[str]:
    conditions = [name for name in table.texts("condition") if name != _CHANCE]
    if not conditions:
        raise FileError(f"[{table.path}] has no conditions")
    return conditions


def _draw_perplexities(groups: list[bars.Group], conditions: list[str], width: float) -> Figure:
    height = 0.6 + 0.24 * len(conditions)
    if len(groups) == 1:
        width = min(width, style.COLUMN + _PER_LETTER * max(0, max(map(len, conditions)) - 14))
    drawing, axes = style.panels(width, len(groups), columns=2, height=height, sharey=True)
    for axis, group in zip(axes, groups, strict=True):
        bars.draw_panel(axis, group, conditions, log=True)
        axis.set_xlabel("perplexity")
    caption = (
        "Perplexity of each condition, logarithmic from 1, so that a bar's length is the mean negative log-likelihood; "
        "± one standard error over windows."
    )
    return Figure("perplexity", caption, drawing)


def _draw_accuracies(groups: list[bars.Group], conditions: list[str], width: float) -> Figure:
    drawing, (axes,) = style.panels(width, 1, height=2.3)
    bars.draw_groups(axes, groups, conditions)
    if len(groups) > 5:
        axes.tick_params(axis="x", rotation=20)
    axes.set_ylabel("accuracy (%)")
    axes.set_ylim(bottom=0)
    style.legend_below(drawing, axes)
    caption = "Zero-shot accuracy of each condition, ± one standard error. Dashed: what guessing gets."
    return Figure("accuracy", caption, drawing)


def _perplexities(results: Results, table: Table, conditions: list[str]) -> list[bars.Group]:
    """One group a column of perplexities; standard errors come from the record, where it has them."""
    errors = {
        (entry["name"], text["task"], "perplexity"): number(text["perplexity"])
        * math.expm1(number(text["std_error_nats"]))
        for entry in results.detail("conditions", default=[])
        for text in entry["perplexity"]
    }
    groups = []
    for name, unit in _columns(table, r"(.+) \(((?:word )?perplexity)\)"):
        found = [errors.get((condition, name, unit), math.nan) for condition in conditions]
        values = table.numbers(name)[: len(conditions)]
        title = name if unit == "perplexity" else f"{name}, per word"
        groups.append(bars.Group(title, values, np.array(found)))
    return groups


def _accuracies(table: Table, conditions: list[str]) -> list[bars.Group]:
    """One group a column of accuracies."""
    has_chance = table.texts("condition")[-1] == _CHANCE
    groups = []
    for name, _ in _columns(table, r"(.+) \((acc) %\)"):
        values, errors = table.numbers(name), table.errors(name)
        n = len(conditions)
        groups.append(bars.Group(name, values[:n], errors[:n], float(values[-1]) if has_chance else math.nan))
    return groups


def _columns(table: Table, heading: str) -> list[tuple[str, str]]:
    """Name and unit of the columns whose headings fit."""
    found = (re.fullmatch(heading, column) for column in table.columns)
    return [(match[1], match[2]) for match in found if match]
