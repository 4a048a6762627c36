"""Tables as a report shows them: the Markdown file where there is one, else the CSV with shortened numbers."""

import re
from dataclasses import dataclass

from ..errors import FileError
from ..results import Results

_MOST_ROWS = 400
_CLOSED_ABOVE = 40  # rows
_BARE = re.compile(r"-?\d+\.\d{6,}(e[-+]?\d+)?|-?\d\.\d+e[-+]\d+")


@dataclass(frozen=True)
class ShownTable:
    """Texts of one table."""

    name: str
    file: str  # where all rows are
    columns: list[str]
    is_number: list[bool]  # [column]: to the right
    rows: list[list[str]]
    n_rows: int  # of the file

    @property
    def is_open(self) -> bool:
        """Whether it is short enough to be seen at once."""
        return self.n_rows <= _CLOSED_ABOVE


def shown_tables(results: Results) -> list[ShownTable]:
    """All tables of a folder."""
    return [_shown(results, name) for name in results.tables()]


def _shown(results: Results, name: str) -> ShownTable:
    markdown = results.folder / f"{name}.md"
    if markdown.is_file():
        try:
            lines = [_cells(line) for line in markdown.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        except (OSError, UnicodeDecodeError) as error:
            raise FileError(f"[{markdown}] cannot be read: {error}") from error
        if len(lines) < 2 or any(len(line) != len(lines[0]) for line in lines):
            raise FileError(f"[{markdown}] is no table: a row has more or fewer cells than the heading")
        is_number = [rule.endswith(":") for rule in lines[1]]
        columns, rows = lines[0], lines[2:]
    else:
        table = results.table(name)
        columns, rows = table.columns, [[_short(cell) for cell in row] for row in table.rows[:_MOST_ROWS]]
        is_number = [all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
        return ShownTable(name, f"{name}.csv", columns, is_number, rows, len(table))
    return ShownTable(name, f"{name}.csv", columns, is_number, rows[:_MOST_ROWS], len(rows))


def _cells(line: str) -> list[str]:
    """The cells of a line of a GitHub table."""
    parts = re.split(r"(?<!\\)\|", line.strip())
    return [part.strip().replace("\\|", "|") for part in parts[1:-1]]


def _short(cell: str) -> str:
    """Six significant digits of a number that has more."""
    return f"{float(cell):.6g}" if _BARE.fullmatch(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        return cell == "" or float(cell) is not None
    except ValueError:
        return False
