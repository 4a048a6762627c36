"""The Hugging Face hub: models through huggingface_hub, texts and datasets through `datasets`; both optional."""

import itertools
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from .errors import ConfigError, FileError
from .sources import Hub, Local

PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")


def hub_files(origin: Hub, where: str) -> list[Path]:
    """Downloads the model's files into the hub's own cache, which resumes and shares them, and returns their paths.

    Raises FileError when the hub cannot be reached or the repository has no safetensors.
    """
    refuse_pickles(list(origin.allow), where)
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise FileError(f"[{where}] needs huggingface_hub; run: pip install huggingface_hub") from error
    try:
        folder = snapshot_download(origin.repo, revision=origin.revision, allow_patterns=list(origin.allow))
    except Exception as error:  # whatever the client raises, the user gets one line
        raise FileError(f"[{origin.repo}@{origin.revision}] cannot be fetched: {_one_line(error)}") from error
    return model_files(Path(folder), origin.allow, where)


def hub_rows(origin: Hub, where: str) -> Iterator[dict[str, Any]]:
    """The rows of one split, streamed, in the hub's order."""
    if origin.split is None:
        raise ConfigError(f"[{where}] split: missing; name a split such as 'test'")
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise FileError(f"[{where}] needs datasets; run: pip install datasets") from error
    try:
        rows = load_dataset(origin.repo, origin.config, split=origin.split, revision=origin.revision, streaming=True)
        yield from itertools.islice(rows, origin.limit)
    except Exception as error:
        raise FileError(f"[{origin.repo}@{origin.revision}] cannot be fetched: {_one_line(error)}") from error


def local_files(origin: Local, where: str) -> list[Path]:
    """The `.gguf` file, or the files of the Hugging Face folder, at a path of the user's."""
    path = Path(origin.path)
    if path.suffix == ".gguf" and path.is_file():
        return [path]
    if not path.is_dir():
        raise FileError(f"[{where}] path: neither a folder nor a .gguf file: {path}")
    return model_files(path, Hub.allow, where)


def model_files(folder: Path, allow: tuple[str, ...], where: str) -> list[Path]:
    """The files of `folder` that match one of `allow`; some must be safetensors."""
    files = sorted(p for p in folder.iterdir() if p.is_file() and any(fnmatch(p.name, a) for a in allow))
    if not any(file.suffix == ".safetensors" for file in files):
        raise FileError(f"[{where}] {folder} holds no .safetensors file; `libma convert` rewrites pickled ones")
    return files


def refuse_pickles(patterns: list[str], where: str) -> None:
    """Raises ConfigError when a pattern asks for pickled files: loading them runs whatever they contain."""
    for pattern in patterns:
        if pattern.endswith(PICKLED) or pattern.endswith("*"):
            raise ConfigError(
                f"[{where}] allow: '{pattern}' admits pickled files; name safetensors and text files only"
            )


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
