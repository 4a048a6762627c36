"""`libma convert`: pickled Hugging Face folders and llama2.c checkpoints become folders of safetensors."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import llama2c, llama2c_tokenizer, pickled
from .errors import FileError
from .progress import Progress

INDEX = "model.safetensors.index.json"


def convert(
    source: str | Path,
    target: str | Path,
    tokenizer: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Writes the folder `target`: config.json, safetensors and the tokenizer's files, dtypes as they are.

    `source` is a Hugging Face folder with `pytorch_model.bin` (or shards and their index), which is converted shard by
    shard, or a llama2.c checkpoint (`.bin`, versions 0 to 2; a quantised one becomes float32). `tokenizer` is a
    tokenizer.json under whatever name, or llama2.c's `tokenizer.bin`. `force` replaces an earlier model at `target`.

    Raises FileError for what cannot be read, such as a pickle with anything but tensors, which is never run; then
    `target` is as it was. Example::

        >>> convert("stories260K.bin", "stories260K", tokenizer="tok512.bin")  # doctest: +SKIP
        PosixPath('stories260K')
    """
    source, target = Path(source), Path(target)
    progress = progress if progress is not None else Progress()
    _require_safetensors()
    _check_target(source, target, force)
    checkpoint = pickled.PickledFolder(source) if source.is_dir() else llama2c.Checkpoint(source)
    with _stage(target) as stage:
        checkpoint.write_files(stage)
        if tokenizer is not None:
            _write_tokenizer(Path(tokenizer), stage)
        _write_shards(checkpoint, stage, target.name, progress)
        _publish(stage, target)
    return target


def _require_safetensors() -> None:
    try:
        import safetensors.torch  # noqa: F401
    except ImportError as error:
        raise FileError("[convert] needs safetensors; run: pip install safetensors") from error


def _check_target(source: Path, target: Path, force: bool) -> None:
    if not source.exists():
        raise FileError(f"[{source}] does not exist; give a Hugging Face folder or a llama2.c .bin file")
    if not target.exists():
        return
    if not force:
        raise FileError(f"[{target}] exists; give another folder, or --force to replace it")
    if source.resolve().is_relative_to(target.resolve()):
        raise FileError(f"[{target}] holds what is to be converted; give another folder")
    if not target.is_dir() or (any(target.iterdir()) and not (target / "config.json").is_file()):
        raise FileError(
            f"[{target}] is no model's folder (no config.json), so that it is not replaced; remove it first"
        )


@contextmanager
def _stage(target: Path) -> Iterator[Path]:
    """A fresh folder beside `target`, gone afterwards."""
    stage = target.parent / f".{target.name}.{os.getpid()}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        stage.mkdir()
    except OSError as error:
        raise FileError(f"[{target}] cannot be written: {error.strerror}; give another folder") from error
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _publish(stage: Path, target: Path) -> None:
    """Renames `stage` to `target`; what was there goes when the new one is in its place."""
    old = stage.with_name(stage.name + ".old")
    if target.exists():
        target.rename(old)
    try:
        stage.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write_tokenizer(tokenizer: Path, folder: Path) -> None:
    if not tokenizer.is_file():
        raise FileError(f"[{tokenizer}] is no file; give the tokenizer's")
    if tokenizer.suffix == ".bin":
        vocab = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("vocab_size")
        llama2c_tokenizer.write_tokenizer(tokenizer, vocab, folder)
        return
    try:
        is_tokenizer = "model" in json.loads(tokenizer.read_text(encoding="utf-8"))
    except (ValueError, TypeError):
        is_tokenizer = False
    if not is_tokenizer:
        raise FileError(f"[{tokenizer}] is no tokenizer.json; give one, or llama2.c's tokenizer.bin")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")


def _write_shards(
    checkpoint: pickled.PickledFolder | llama2c.Checkpoint, folder: Path, label: str, progress: Progress
) -> None:
    """One safetensors file a shard, and an index where there are several."""
    from safetensors.torch import save_file

    count = checkpoint.n_shards
    shard_of: dict[str, str] = {}
    total = 0  # bytes
    for number, tensors in enumerate(checkpoint.shards(), start=1):
        name = "model.safetensors" if count == 1 else f"model-{number:05}-of-{count:05}.safetensors"
        progress.begin(f"{label}: writing {name}")
        for tensor in tensors:
            if tensor in shard_of:
                raise FileError(f"[{label}] tensor '{tensor}' is in two shards of the source; remove one of them")
            shard_of[tensor] = name
        try:
            save_file(tensors, folder / name, metadata={"format": "pt"})
        except (KeyError, ValueError) as error:  # a dtype that the format lacks
            raise FileError(f"[{label}] cannot be written as safetensors: {_one_line(error)}") from error
        size = sum(tensor.nbytes for tensor in tensors.values())
        total += size
        progress.end(f"{label}: wrote {name}, {len(tensors)} tensors, {size / 1e6:,.1f} MB")
        tensors.clear()  # before the next shard is read
    if count > 1:
        index: dict[str, Any] = {"metadata": {"total_size": total}, "weight_map": dict(sorted(shard_of.items()))}
        (folder / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
