"""Loads the extension module `_C` after torch, and only into the torch that it was built against."""

import importlib
import importlib.metadata
import importlib.util
from types import ModuleType


def version() -> str:
    """Of the extension module: "0.1.0"; "unknown" where it was not built."""
    try:
        return str(importlib.import_module("libma._build").LIBMA_VERSION)
    except ModuleNotFoundError:
        return "unknown"


def check_torch() -> None:
    """Raises ImportError when the installed torch is not the one that the extension was built against.

    Does not import torch, and does nothing where no extension was built.
    """
    try:
        built = importlib.import_module("libma._build")
    except ModuleNotFoundError:
        return
    try:
        installed = importlib.metadata.version("torch").split("+")[0]
    except importlib.metadata.PackageNotFoundError:
        installed = "none"
    if installed != built.TORCH_VERSION:
        raise ImportError(
            f"libma was built against torch {built.TORCH_VERSION}, this environment has {installed}: "
            f"install libma again, or run: pip install torch=={built.TORCH_VERSION}"
        )


def load() -> ModuleType:
    """The module `libma._C`. Raises ImportError, saying what to do, where it was not built."""
    if importlib.util.find_spec("libma._C") is None:
        raise ImportError("libma's extension module is not built: run `make demo`, or `pip install .` beside torch")
    importlib.import_module("torch")
    return importlib.import_module("libma._C")


def names() -> list[str]:
    """The public names of the extension module; none where it cannot be loaded."""
    try:
        return [name for name in dir(load()) if not name.startswith("_")]
    except ImportError:
        return []
