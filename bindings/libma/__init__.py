"""libma: find, edit and measure massive activations in transformers.

Fetching (`libma.fetch`), converting (`libma.convert`) and the command line are pure Python. The first compiled name that is touched imports torch,
then the extension module that was built against it.
"""

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from . import _extension
from .comparison import compare_models
from .converting import convert
from .errors import ConfigError, Error, FileError, ShapeError, UnknownNameError
from .evaluation import evaluate
from .fetching import fetch
from .images import preprocess, preprocess_pixels, resize_image
from .registers import load_register_means

if TYPE_CHECKING:
    from ._C import *  # noqa: F403

__all__ = [
    "ConfigError",
    "Error",
    "FileError",
    "ShapeError",
    "UnknownNameError",
    "compare_models",
    "convert",
    "evaluate",
    "fetch",
    "load_register_means",
    "preprocess",
    "preprocess_pixels",
    "resize_image",
]

_extension.check_torch()
__version__ = _extension.version()


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'libma' has no attribute '{name}'")
    if importlib.util.find_spec(f"{__name__}.{name}") is not None:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(_extension.load(), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_extension.names()})
