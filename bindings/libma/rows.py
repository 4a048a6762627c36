"""Turns the rows of a source (dictionaries) into the lines of a JSONL file, as the `rows` part of its file says."""

import gzip
import importlib.util
import json
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .errors import ConfigError, FileError
from .sources import Rows

Row = dict[str, Any]


def require_reader(file: str, where: str) -> None:
    """Raises FileError when reading a file of that name takes a package that is not installed."""
    if file.endswith(".arrow") and importlib.util.find_spec("pyarrow") is None:
        raise FileError(f"[{where}] needs pyarrow; run: {sys.executable} -m pip install pyarrow")


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of an `.arrow`, `.jsonl` or `.jsonl.gz` file. Raises FileError where it is damaged."""
    return _arrow_rows(path) if path.suffix == ".arrow" else _json_rows(path)


def _arrow_rows(path: Path) -> Iterator[Row]:
    """The rows of an Arrow stream."""
    require_reader(path.name, path.name)
    import pyarrow

    try:
        with pyarrow.OSFile(str(path)) as file, pyarrow.ipc.open_stream(file) as batches:
            for batch in batches:
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise FileError(f"[{path.name}] is not an Arrow stream: {' '.join(str(error).split())}") from error


def _json_rows(path: Path) -> Iterator[Row]:
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
            except ValueError as error:
                raise FileError(f"[{path.name}:{number}] is not JSON: {error}") from error
            if not isinstance(row, dict):
                raise FileError(f"[{path.name}:{number}] expected an object, got {type(row).__name__}")
            yield row


def convert_rows(source: Iterable[Row], rules: Rows, where: str) -> Iterator[Row]:
    """The output rows, in the order of the source.

    Raises ConfigError when a row lacks a field that the rules name, or does not match their pattern.
    """
    pattern = re.compile(rules.match["pattern"], re.DOTALL) if rules.match else None
    seen: set[str] = set()
    for number, row in enumerate(source, start=1):
        place = f"{where}: row {number}"
        if any(_value(row, path, place) >= bound for path, bound in (rules.below or {}).items()):
            continue
        if pattern is not None and rules.match is not None:
            found = pattern.fullmatch(_value(row, rules.match["path"], place))
            if found is None:
                raise ConfigError(f"[{place}] {rules.match['path']} does not match the pattern {pattern.pattern!r}")
            row["match"] = found.groupdict()
        if rules.unique is not None:
            key = json.dumps(_value(row, rules.unique, place))
            if key in seen:
                continue
            seen.add(key)
        yield {name: _value(row, path, place) for name, path in rules.fields.items()}


def write_rows(rows: Iterable[Row], path: Path) -> int:
    """Writes one JSON object a line, UTF-8, and returns how many."""
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as lines:
        for row in rows:
            lines.write(json.dumps(row, ensure_ascii=False) + "\n")
            count += 1
    return count


def _value(row: Row, path: str, where: str) -> Any:
    """The value at a dotted path."""
    value: Any = row
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            raise ConfigError(f"[{where}] has no field '{path}'; it has: {', '.join(map(str, row))}")
        value = value[part]
    return value
