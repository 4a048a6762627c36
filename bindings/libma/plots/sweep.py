"""What edits cost along blocks, factors, tokens and means: a curve where a sweep has an order, else bars."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ..errors import FileError
from ..results import Results, Table
from . import bars, style
from .figure import Figure

_PREFIX = "sweep_"
_PERPLEXITY = "perplexity"
_BLOCK, _FACTOR = "block (0-based)", "factor"


@dataclass(frozen=True)
class _Sweep:
    """One table; its first row is the unedited model."""

    name: str
    table: Table

    @property
    def measures(self) -> list[str]:
        """Columns of perplexities, one for each text."""
        return [column for column in self.table.columns if column == _PERPLEXITY or column.endswith(f" {_PERPLEXITY}")]


def figures(results: Results, paper: bool) -> list[Figure]:
    """Perplexity by edited block, of all sweeps over blocks together; curves over factors; bars of the others."""
    sweeps = [
        _Sweep(name.removeprefix(_PREFIX), results.table(name)) for name in results.tables() if name.startswith(_PREFIX)
    ]
    if not sweeps or any(len(sweep.table) < 2 or not sweep.measures for sweep in sweeps):
        raise FileError(f"[{results.folder}] holds no tables of sweeps with perplexities")
    over_blocks = [sweep for sweep in sweeps if sweep.table.columns[0] == _BLOCK]
    drawn = [_by_block(over_blocks)] if over_blocks else []
    for sweep in sweeps:
        if sweep.table.columns[0] == _FACTOR:
            drawn.append(_by_factor(sweep))
        elif sweep not in over_blocks:
            drawn.append(_bars(sweep, style.PAPER if paper else style.FULL))
    return drawn


def _by_block(sweeps: list[_Sweep]) -> Figure:
    """A line for each sweep over the block after which it edits; dashed, the unedited model."""
    measures = sweeps[0].measures
    drawing, axes = style.panels(style.COLUMN * len(measures), len(measures), columns=2, height=2.7)
    for axis, measure in zip(axes, measures, strict=True):
        for index, sweep in enumerate(sweeps):
            blocks, values = _edited(sweep, _BLOCK, measure)
            line: dict[str, Any] = {"color": style.colour(index), "label": style.plain(sweep.name)}
            axis.plot(blocks, values, marker=style.MARKERS[index % len(style.MARKERS)], **line)
        _finish(axis, sweeps[0], measure)
        style.layer_axis(axis)
    style.legend_below(drawing, axes[0])
    caption = "Perplexity when the massive activations are edited after one block. Dashed: without an edit."
    return Figure("blocks", caption, drawing)


def _by_factor(sweep: _Sweep) -> Figure:
    drawing, axes = style.panels(style.COLUMN * len(sweep.measures), len(sweep.measures), columns=2, height=2.3)
    for axis, measure in zip(axes, sweep.measures, strict=True):
        factors, values = _edited(sweep, _FACTOR, measure)
        order = np.argsort(factors, kind="stable")
        axis.plot(factors[order], values[order], color=style.COLOURS[0], marker="o")
        _finish(axis, sweep, measure)
        axis.set_xlabel("massive activations times")
    caption = (
        "Perplexity when the massive activations are scaled by a factor where they appear. Dashed: without an edit."
    )
    return Figure(sweep.name, caption, drawing)


def _bars(sweep: _Sweep, width: float) -> Figure:
    """One bar a row, named by its keys."""
    measures = sweep.measures
    n_keys = sweep.table.columns.index(measures[0])
    names = [_row_name(row[:n_keys]) for row in sweep.table.rows]
    none = np.full(len(names), np.nan)
    groups = [bars.Group(measure, sweep.table.numbers(measure), none) for measure in measures]
    drawing, axes = style.panels(
        width if len(measures) > 1 else width * 0.7,
        len(measures),
        columns=2,
        height=0.6 + 0.22 * len(names),
        sharey=True,
    )
    for axis, group in zip(axes, groups, strict=True):
        bars.draw_panel(axis, group, names, log=True, one_colour=True)
        axis.set_title(style.plain(sweep.name if len(measures) == 1 else f"{sweep.name}: {group.name}"))
        axis.set_xlabel(_PERPLEXITY)
    axes[0].set_ylabel(",\n".join(map(style.plain, sweep.table.columns[:n_keys])))
    caption = f"Perplexity under the edits of the sweep {sweep.name}, logarithmic from 1."
    return Figure(sweep.name, caption, drawing)


def _edited(sweep: _Sweep, key: str, measure: str) -> tuple[np.ndarray, np.ndarray]:
    """The key and the measure of all rows but the first."""
    rows = Table(sweep.table.path, sweep.table.columns, sweep.table.rows[1:])
    return rows.numbers(key), rows.numbers(measure)


def _finish(axis: Axes, sweep: _Sweep, measure: str) -> None:
    axis.axhline(float(sweep.table.numbers(measure)[0]), color=style.GREY, linestyle="--", linewidth=0.8)
    axis.set_yscale("log")
    axis.set_ylabel(style.plain(measure))


def _row_name(keys: list[str]) -> str:
    """The keys of a row; whole numbers as they are, others shortened."""
    return ", ".join(_short(key) for key in keys if key)


def _short(key: str) -> str:
    try:
        return key if float(key).is_integer() else style.magnitude(float(key))
    except ValueError:
        return key
