"""The output folder of an experiment: record.json, tables as CSV, tensors as safetensors."""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import FileError, unknown_name

RECORD = "record.json"
_ERROR = " std error"  # heading of the column behind one of estimates


@dataclass(frozen=True)
class Table:
    """One CSV file: texts, and numbers where a column holds them.

    A column goes by its heading without the unit: `share` finds `share (%)`.
    """

    path: Path
    columns: list[str]  # headings as in the file
    rows: list[list[str]]

    def __len__(self) -> int:
        return len(self.rows)

    def has(self, name: str) -> bool:
        """Whether there is such a column."""
        return any(_is(heading, name) for heading in self.columns)

    def texts(self, name: str) -> list[str]:
        """The cells of a column. Raises UnknownNameError when there is none."""
        index = self._index(name)
        return [row[index] for row in self.rows]

    def numbers(self, name: str) -> np.ndarray:
        """float64 [row]; NaN where a cell is empty. Raises FileError for a cell that is no number."""
        values: np.ndarray = np.array([self._number(cell, name) for cell in self.texts(name)], dtype=np.float64)
        return values

    def errors(self, name: str) -> np.ndarray:
        """float64 [row]: standard errors of a column; NaN where there is none, in all rows of a column without."""
        heading = self.columns[self._index(name)] + _ERROR
        return self.numbers(heading) if heading in self.columns else np.full(len(self), math.nan)

    def where(self, name: str, value: str) -> "Table":
        """The rows whose cell in column `name` is `value`."""
        index = self._index(name)
        return Table(self.path, self.columns, [row for row in self.rows if row[index] == value])

    def distinct(self, name: str) -> list[str]:
        """The different cells of a column, in the order of the file."""
        return list(dict.fromkeys(self.texts(name)))

    def _index(self, name: str) -> int:
        for index, heading in enumerate(self.columns):
            if _is(heading, name):
                return index
        raise unknown_name(str(self.path), "column", name, self.columns)

    def _number(self, cell: str, name: str) -> float:
        try:
            return float(cell) if cell else math.nan
        except ValueError:
            raise FileError(f"[{self.path}] column '{name}' holds '{cell}'; expected a number") from None


@dataclass(frozen=True)
class Results:
    """What an experiment left in its output folder."""

    folder: Path
    record: dict[str, Any]

    @property
    def experiment(self) -> str:
        """Its name, as in `libma run NAME`."""
        return str(self.record["experiment"])

    @property
    def models(self) -> list[str]:
        """Names of the models, as the config has them."""
        config = self.record.get("config", {})
        listed = config.get("models") or [config.get("model", {})]
        names = [entry.get("name", "") if isinstance(entry, dict) else str(entry) for entry in listed]
        return [name for name in dict.fromkeys(map(_short, names)) if name]

    def tables(self) -> list[str]:
        """Names of all tables: `table` first, the others by name."""
        names = {path.stem for path in self.folder.glob("*.csv")}
        return sorted(names, key=lambda name: (name != "table", name))

    def has(self, name: str) -> bool:
        """Whether there is a table `name`."""
        return (self.folder / f"{name}.csv").is_file()

    def table(self, name: str) -> Table:
        """The table `name`. Raises FileError when it is not there or no CSV."""
        path = self.folder / f"{name}.csv"
        try:
            with path.open(encoding="utf-8", newline="") as file:
                lines = list(csv.reader(file, strict=True))
        except OSError as error:
            raise FileError(f"[{path}] cannot be read: {error.strerror}; run the experiment again") from error
        except (csv.Error, UnicodeDecodeError) as error:
            raise FileError(f"[{path}] is no CSV file: {error}") from error
        if not lines or any(len(line) != len(lines[0]) for line in lines):
            raise FileError(f"[{path}] is no table: a row has more or fewer cells than the heading")
        return Table(path, lines[0], lines[1:])

    def has_tensors(self, name: str) -> bool:
        """Whether there is a file `<name>.safetensors`."""
        return (self.folder / f"{name}.safetensors").is_file()

    def tensors(self, name: str) -> dict[str, np.ndarray]:
        """All tensors of `<name>.safetensors`. Raises FileError when it cannot be read."""
        path = self.folder / f"{name}.safetensors"
        try:
            from safetensors.numpy import load_file
        except ImportError as error:
            raise FileError(f"[{path}] needs safetensors; run: pip install safetensors") from error
        try:
            return dict(load_file(path))
        except Exception as error:  # whatever safetensors raises, the user gets one line
            raise FileError(f"[{path}] cannot be read: {' '.join(str(error).split())}") from error

    def detail(self, *keys: str, default: Any = None) -> Any:
        """`details` of the record at `keys`, or `default`."""
        return _at(self.record.get("details"), keys, default)

    def setting(self, *keys: str, default: Any = None) -> Any:
        """The config as resolved at `keys`, or `default`."""
        return _at(self.record.get("config"), keys, default)


def read_results(folder: str | Path) -> Results:
    """Reads the record of an experiment's output folder.

    Raises:
        FileError: When the folder or its record is not there, or is not what an experiment writes.
    """
    folder = Path(folder)
    path = folder / RECORD
    if not folder.is_dir():
        raise FileError(f"[{folder}] is no folder; give the output folder of an experiment")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileError(f"[{folder}] holds no {RECORD}; give the output folder of a finished experiment") from None
    except (OSError, ValueError) as error:
        raise FileError(f"[{path}] cannot be read: {' '.join(str(error).split())}") from error
    if not isinstance(record, dict) or not isinstance(record.get("experiment"), str):
        raise FileError(f"[{path}] names no experiment; give the output folder of an experiment")
    return Results(folder, record)


def number(value: Any) -> float:
    """A number of a record; NaN for null. Infinity and "not a number" stand as text there."""
    return math.nan if value is None else float(value)


def _at(found: Any, keys: Sequence[str], default: Any) -> Any:
    for key in keys:
        if not isinstance(found, dict) or key not in found:
            return default
        found = found[key]
    return found


def _is(heading: str, name: str) -> bool:
    return heading == name or (heading.startswith(name + " (") and heading.endswith(")"))


def _short(name: str) -> str:
    """A model's name without the path to it."""
    return Path(name).name or name
