"""Bars of conditions: a panel for each measure, or groups side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from . import style

_WHISKERS: dict[str, Any] = {"fmt": "none", "ecolor": "black", "elinewidth": 0.7, "capsize": 1.5}


@dataclass(frozen=True)
class Group:
    """What the conditions score in one measure."""

    name: str  # below the group, or above the panel
    values: np.ndarray  # [condition]
    errors: np.ndarray  # [condition] standard errors; NaN where there is none
    chance: float = float("nan")  # what guessing gets


def draw_groups(axes: Axes, groups: Sequence[Group], conditions: Sequence[str]) -> None:
    """Groups of bars side by side, with standard errors and a dashed line at each group's chance level."""
    width = 0.8 / len(conditions)
    for index, condition in enumerate(conditions):
        at = np.arange(len(groups)) + (index - (len(conditions) - 1) / 2) * width
        values = np.array([group.values[index] for group in groups])
        axes.bar(at, values, width * 0.92, color=style.colour(index), label=style.plain(condition))
        errors = _errors(np.array([group.errors[index] for group in groups]))
        axes.errorbar(at, values, yerr=errors, **_WHISKERS)
    for place, group in enumerate(groups):
        if np.isfinite(group.chance):
            label = "chance" if not any(np.isfinite(g.chance) for g in groups[:place]) else ""
            axes.hlines(group.chance, place - 0.45, place + 0.45, color="black", linestyle="--", lw=0.8, label=label)
    axes.set_xticks(range(len(groups)), [style.plain(group.name) for group in groups])
    axes.grid(visible=False, axis="x")


def draw_panel(
    axes: Axes, group: Group, conditions: Sequence[str], log: bool = False, one_colour: bool = False
) -> None:
    """One horizontal bar a condition, its value written at the end.

    With `one_colour` all bars but the first, the reference, look alike: for rows that are no categories.
    On a logarithmic axis bars begin at 1: for perplexities their length is then the mean negative log-likelihood.
    """
    places = np.arange(len(conditions))
    finite = np.where(np.isfinite(group.values), group.values, np.nan)
    low, most, high = _limits(finite, group.errors, log)
    drawn = np.where(np.isposinf(group.values), high, finite)  # an infinite value fills the axis
    colours = [style.colour(index) for index in range(len(conditions))]
    if one_colour:
        colours = [style.GREY] + [style.COLOURS[0]] * (len(conditions) - 1)
    axes.barh(places, drawn - low if log else drawn, left=low if log else 0, height=0.72, color=colours)
    if log:
        axes.set_xscale("log")
    errors = _errors(group.errors)
    below = drawn * errors / (drawn + errors) if log else errors  # as long on the axis as the one above
    axes.errorbar(drawn, places, xerr=[below, errors], **_WHISKERS)
    ends = np.where(np.isnan(drawn), low, drawn) + np.nan_to_num(errors)
    for place, value, end in zip(places, group.values, ends, strict=True):
        axes.annotate(f" {style.magnitude(value)}", (end, place), va="center", ha="left", fontsize=6.5)
    if np.isfinite(group.chance):
        axes.axvline(group.chance, color="black", linestyle="--", linewidth=0.8)
    axes.set_xlim(low, high)
    if not log:
        axes.set_xticks([tick for tick in axes.get_xticks() if low <= tick <= most * 1.001])
    axes.set_yticks(places, [style.plain(condition) for condition in conditions])
    axes.invert_yaxis()
    axes.set_title(style.plain(group.name))
    axes.grid(visible=False, axis="y")


def _limits(values: np.ndarray, errors: np.ndarray, log: bool) -> tuple[float, float, float]:
    """The axis: where it begins, the end of the longest bar, and where it ends, with room for numbers behind the bars."""
    ends = values + np.nan_to_num(errors)
    most = float(np.nanmax(ends)) if np.isfinite(ends).any() else 1.0
    if log:
        return 1.0, most, max(most, 10.0) ** 1.35
    least = float(np.nanmin(values)) if np.isfinite(values).any() else 0.0
    return min(0.0, least * 1.1), most, max(most, 1e-12) * 1.25


def _errors(errors: np.ndarray) -> np.ndarray:
    """Lengths of the whiskers; none where there is no error, or it is zero."""
    lengths: np.ndarray = np.where(np.isfinite(errors) & (errors > 0), errors, np.nan)
    return lengths
