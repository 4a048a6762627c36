"""What a report says of one output folder."""

import base64
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from .. import plots
from ..results import Results
from .tables import ShownTable, shown_tables

if TYPE_CHECKING:
    from ..plots.figure import Figure

_GIGABYTE = 1e9
_PIXELS_PER_INCH = 120  # so that letters of 7 pt are read easily


@dataclass(frozen=True)
class ShownFigure:
    """A picture inside the page."""

    name: str
    caption: str
    width: int  # on the page, pixels
    source: str  # data: URI of an SVG; inside <img> nothing in it runs or loads


@dataclass(frozen=True)
class Chapter:
    """All that the page has on one experiment."""

    anchor: str
    title: str
    facts: list[tuple[str, str]]
    figures: list[ShownFigure]
    tables: list[ShownTable]
    config: str  # YAML
    command: str
    versions: list[tuple[str, str]]
    hashes: list[tuple[str, str]] = field(default_factory=list)  # file name, SHA-256


def make_chapter(results: Results, number: int) -> Chapter:
    """Reads and draws what the folder holds. An experiment that has no figures gets a chapter without."""
    record = results.record
    drawn = plots.figures(results) if results.experiment in plots.EXPERIMENTS else []
    models = ", ".join(results.models)
    return Chapter(
        anchor=f"chapter-{number}",
        title=f"{results.experiment}: {models}" if models else results.experiment,
        facts=_facts(record, str(results.folder)),
        figures=[_shown(figure) for figure in drawn],
        tables=shown_tables(results),
        config=yaml.safe_dump(record.get("config", {}), sort_keys=False, allow_unicode=True, width=100),
        command=f"libma run {results.experiment} config.yaml",
        versions=_versions(record),
        hashes=[
            (Path(path).name, str(digest))
            for files in ("model_files", "text_files")
            for path, digest in dict(record.get(files) or {}).items()
        ],
    )


def _shown(figure: "Figure") -> ShownFigure:
    width = round(figure.drawing.get_figwidth() * _PIXELS_PER_INCH)
    return ShownFigure(figure.name, figure.caption, width, _data_uri(figure.to_bytes("svg")))


def _facts(record: dict[str, Any], folder: str) -> list[tuple[str, str]]:
    host = record.get("host") or {}
    gpus = ", ".join(map(str, host.get("gpus") or []))
    facts = [
        ("folder", folder),
        ("device", _text(record.get("device"))),
        ("dtype", _text(record.get("dtype"))),
        ("seed", _text(record.get("seed"))),
        ("started (UTC)", _text(record.get("started"))),
        ("time", _duration(record)),
        ("peak memory", _gigabytes(record.get("peak_memory_bytes"))),
        ("peak device memory", _gigabytes(record.get("peak_device_memory_bytes"))),
        ("CPU", _text(host.get("cpu"))),
        ("GPUs", gpus),
    ]
    return [(name, value) for name, value in facts if value]


def _versions(record: dict[str, Any]) -> list[tuple[str, str]]:
    build = record.get("libma") or {}
    commit = _text(build.get("commit"))
    if commit and build.get("dirty"):
        commit += ", with changes that were not committed"
    versions = [
        ("libma", _text(build.get("version"))),
        ("commit", commit),
        ("torch", _text(record.get("torch"))),
        ("threads", _text(record.get("threads"))),
    ]
    return [(name, value) for name, value in versions if value]


def _duration(record: dict[str, Any]) -> str:
    if record.get("seconds") is None:
        return ""
    seconds = round(float(record["seconds"]))
    text = f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{float(record['seconds']):.1f} s"
    return f"{text}, the last of several runs" if record.get("resumed") else text


def _gigabytes(count: Any) -> str:
    return "" if count is None else f"{float(count) / _GIGABYTE:.2f} GB"


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode("ascii")
