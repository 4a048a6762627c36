"""Hugging Face folders with pickled weights, read without running what a pickle may contain."""

import json
import pickle
import re
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import FileError

SINGLE = "pytorch_model.bin"
INDEX = "pytorch_model.bin.index.json"
_COPIED_SUFFIXES = (".json", ".txt", ".model", ".jinja", ".md")
_COPIED_NAMES = ("LICENSE", "NOTICE")
_HEAD = "lm_head.weight"
_TIED_UNLESS_TOLD = (  # model types whose tie_word_embeddings is true where config.json does not say
    "bloom",
    "falcon",
    "gemma",
    "gemma2",
    "gemma3_text",
    "gpt2",
    "gpt_neo",
    "mpt",
    "opt",
    "starcoder2",
)


class PickledFolder:
    """`pytorch_model.bin`, or `pytorch_model-*-of-*.bin` with their index, beside a config.json."""

    def __init__(self, folder: Path) -> None:
        """Raises FileError when the folder lacks one of them."""
        self._folder = folder
        if not (folder / "config.json").is_file():
            raise FileError(f"[{folder}] holds no config.json; give a Hugging Face folder")
        if (folder / SINGLE).is_file():
            self._names_of: dict[str, set[str]] = {SINGLE: set()}
        elif (folder / INDEX).is_file():
            self._names_of = _read_index(folder / INDEX)
        else:
            found = sorted(
                path.name for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".pt", ".pth")
            )
            has = f"it has {', '.join(found)}" if found else "it has no weights"
            raise FileError(f"[{folder}] holds neither {SINGLE} nor {INDEX}; {has}")
        config = _read_json(folder / "config.json")
        default = config.get("model_type") in _TIED_UNLESS_TOLD
        self._is_tied = config.get("tie_word_embeddings", default) is True

    @property
    def n_shards(self) -> int:
        """Number of files with weights."""
        return len(self._names_of)

    def shards(self) -> Iterator[dict[str, Any]]:
        """The tensors of each file by name: contiguous, none sharing memory, mapped rather than read where they can be.

        An output head that is the embedding itself is left out where the configuration says so; all else is kept.
        Raises FileError for a pickle with anything but tensors, and where file and index disagree.
        """
        for file, names in self._names_of.items():
            yield self._shard(file, names)  # nothing here holds on to it

    def _shard(self, file: str, names: set[str]) -> dict[str, Any]:
        tensors = _load_tensors(self._folder / file)
        lost = sorted(names - tensors.keys())
        if lost:
            raise FileError(f"[{self._folder / INDEX}] says that '{lost[0]}' is in {file}, but it is not")
        return _separate(tensors, self._is_tied)

    def write_files(self, folder: Path) -> None:
        """Copies configuration, tokenizer and licence."""
        for path in sorted(self._folder.iterdir()):
            is_wanted = path.suffix in _COPIED_SUFFIXES or path.name in _COPIED_NAMES
            if path.is_file() and is_wanted and not path.name.endswith(".index.json"):
                shutil.copyfile(path, folder / path.name)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise FileError(f"[{path}] is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise FileError(f"[{path}] must be a JSON object, got {type(value).__name__}")
    return value


def _read_index(path: Path) -> dict[str, set[str]]:
    """File names of the shards, in order -> the names of tensors that the index says they hold."""
    weight_map = _read_json(path).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise FileError(f"[{path}] has no weight_map: an index maps names of tensors to files")
    names_of: dict[str, set[str]] = {}
    for name, file in sorted(weight_map.items(), key=lambda item: str(item[1])):
        if not isinstance(file, str) or Path(file).name != file:
            raise FileError(f"[{path}] weight_map '{name}': expected the name of a file in this folder, got {file!r}")
        names_of.setdefault(file, set()).add(name)
    for file in names_of:
        if not (path.parent / file).is_file():
            raise FileError(f"[{path}] names {file}, which is not there; download it")
    return names_of


def _load_tensors(path: Path) -> dict[str, Any]:
    import torch

    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except Exception as error:  # whatever torch raises, the user gets one line
        if isinstance(error, OSError) and error.filename is not None:
            raise
        foreign = re.search(r"(?:GLOBAL|class|function) ([\w.]+)", str(error))
        if isinstance(error, pickle.UnpicklingError) and "nsupported" in str(error) and foreign:
            raise FileError(
                f"[{path}] holds more than tensors ({foreign[1]}), and unpickling that could run any code; "
                "it was not run: get the model as safetensors, or save its state_dict alone"
            ) from error
        raise FileError(f"[{path}] is damaged, or no pickle of torch: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(loaded, dict):
        raise FileError(f"[{path}] holds a {type(loaded).__name__}; expected names and tensors (a state_dict)")
    for name, value in loaded.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            kind = type(value).__name__
            raise FileError(f"[{path}] {name!r}: expected a tensor, got a {kind}; save the model's state_dict alone")
        if value.layout != torch.strided or value.is_quantized:
            raise FileError(f"[{path}] '{name}': expected a dense tensor, got {value.layout}, {value.dtype}")
    return loaded


def _separate(tensors: dict[str, Any], is_tied: bool) -> dict[str, Any]:
    """`tensors` without what they share: an alias that is a tied output head goes, others become copies."""
    aliases: dict[tuple[Any, ...], list[str]] = {}
    for name, tensor in tensors.items():
        key = (tensor.data_ptr(), tensor.dtype, tuple(tensor.shape), tensor.stride())
        aliases.setdefault(key, []).append(name)
    dropped = {_HEAD} if is_tied and any(_HEAD in names and len(names) > 1 for names in aliases.values()) else set()
    storages: set[int] = set()
    separate = {}
    for name, tensor in tensors.items():
        if name in dropped:
            continue
        values = tensor.detach().contiguous()
        storage = values.untyped_storage().data_ptr()
        separate[name] = values.clone() if storage in storages else values
        storages.add(storage)
    return separate
