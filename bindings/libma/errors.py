"""The errors of libma: the same classes whether C++ or Python raises them.

A message has three parts on one line: ``[where] what was wrong with the value, what to do or what exists``.
"""

import difflib
from collections.abc import Iterable


class Error(Exception):
    """Base of every error that a caller can cause."""


class ConfigError(Error, ValueError):
    """A setting, option or YAML value is wrong."""


class ShapeError(Error, ValueError):
    """A tensor has the wrong shape, dtype or device, or a hook wrote in place."""


class FileError(Error, OSError):
    """A file is absent, truncated or lies about its contents, or could not be fetched."""


class UnknownNameError(Error, LookupError):
    """A name is not in its list; the message offers the nearest ones."""


def unknown_name(where: str, kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """The error for a `name` that is not in `known`, with the three nearest names."""
    nearest = difflib.get_close_matches(name, sorted(known), n=3, cutoff=0.0)
    hint = f"nearest: {', '.join(nearest)}" if nearest else "there are none"
    return UnknownNameError(f"[{where}] no {kind} named '{name}'; {hint}")
