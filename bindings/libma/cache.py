"""The cache: `$LIBMA_HOME`, or `~/.cache/libma`. What is in it is complete: things are made elsewhere and renamed.

models/<name>/{<file>..., source.json}       a GGUF file, or the files of a Hugging Face folder
texts/<name>.{jsonl,source.json}             one text a line: {"text": ...}
datasets/<name>.{jsonl,source.json}          one document a line
"""

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .errors import FileError
from .sources import Source

RECORD = "source.json"
_STAGE = ".fetch-"
_DAY = 86400.0  # seconds


def home_folder() -> Path:
    """The folder of the cache; it need not exist yet."""
    return Path(os.environ.get("LIBMA_HOME") or "~/.cache/libma").expanduser()


def content_path(source: Source, home: Path) -> Path:
    """The model's folder, or the JSONL file of a text or dataset."""
    suffix = "" if source.group == "models" else ".jsonl"
    return home / source.group / (source.name + suffix)


def record_path(content: Path) -> Path:
    """Where the record of what was fetched lies, for a path of `content_path`."""
    return content.with_suffix("." + RECORD) if content.suffix == ".jsonl" else content / RECORD


def is_cached(source: Source, home: Path, verify: bool = False) -> bool:
    """Whether the cache holds what the configuration asks for; `verify` reads the files and compares their SHA-256."""
    path = record_path(content_path(source, home))
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    files = record.pop("files", None) if isinstance(record, dict) else None
    if not isinstance(files, dict) or record != json.loads(json.dumps(source.record())):
        return False
    return all(_is_intact(path.parent / name, expected, verify) for name, expected in files.items())


def store(source: Source, home: Path, made: Path) -> Path:
    """Moves a folder (model) or JSONL file that was made in a staging folder into the cache, with its record."""
    content = content_path(source, home)
    files = sorted(made.iterdir()) if made.is_dir() else [made]
    facts = {file.name: {"bytes": file.stat().st_size, "sha256": sha256_of(file)} for file in files}
    record = record_path(made)
    record.write_text(json.dumps({**source.record(), "files": facts}, indent=2) + "\n", encoding="utf-8")
    if made.is_dir():
        shutil.rmtree(content, ignore_errors=True)
        made.rename(content)
    else:
        made.replace(content)
        record.replace(record_path(content))
    return content


@contextmanager
def staging_folder(source: Source, home: Path) -> Iterator[Path]:
    """A fresh folder on the cache's own file system, gone afterwards."""
    parent = home / source.group
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(parent)
        stage = tempfile.mkdtemp(prefix=_STAGE, dir=parent)
    except OSError as error:
        raise FileError(f"[{parent}] cannot be written: {error.strerror}; set LIBMA_HOME to another folder") from error
    try:
        yield Path(stage)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal. The hub's cache names large files after theirs, which saves reading them."""
    target = path.resolve()
    if path.is_symlink() and target.parent.name == "blobs" and len(target.name) == 64:
        return target.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _remove_abandoned(parent: Path) -> None:
    """Removes what a killed fetch left, once it is too old to be at work."""
    for stage in parent.glob(_STAGE + "*"):
        if time.time() - stage.stat().st_mtime > _DAY:
            shutil.rmtree(stage, ignore_errors=True)


def _is_intact(path: Path, expected: dict[str, Any], verify: bool) -> bool:
    try:
        same_size = path.stat().st_size == expected["bytes"]
        return same_size and (not verify or sha256_of(path) == expected["sha256"])
    except OSError:
        return False
