"""What edits of a vision model cost (Table 4 of Sun et al. 2024): a panel for each measure."""

import numpy as np

from ..errors import FileError
from ..results import Results
from . import bars, style
from .figure import Figure

_CAPTION = "What each condition leaves of the measures of the image sets; shares with ± one standard error."


def figures(results: Results, paper: bool) -> list[Figure]:
    """One panel a column of the table; the paper has a table of them, no figure."""
    table = results.table("table")
    conditions = table.texts("condition")
    measured = [name for name in table.columns[1:] if not name.endswith(" std error")]
    if not conditions or not measured:
        raise FileError(f"[{table.path}] has no conditions or no measures")
    height = 0.55 + 0.22 * len(conditions)
    width = style.PAPER if paper else style.FULL
    drawing, axes = style.panels(width, len(measured), columns=2, height=height, sharey=True)
    for axis, name in zip(axes, measured, strict=True):
        group = bars.Group(name, np.array(table.numbers(name)), table.errors(name))
        bars.draw_panel(axis, group, conditions)
    return [Figure("scores", _CAPTION, drawing)]
