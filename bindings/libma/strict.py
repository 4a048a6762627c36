"""Reads mappings into dataclasses strictly: no key unknown, none missing, every value of the annotated type."""

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from .errors import ConfigError, unknown_name

Form = TypeVar("Form")


def read_mapping(form: type[Form], values: Any, where: str, also_known: Iterable[str] = ()) -> Form:
    """An instance of the dataclass `form` from `values`.

    Raises UnknownNameError for a key that `form` lacks, offering its keys and those of `also_known`; ConfigError for
    a key that is missing or has a value of another type. Messages begin with `[where]`.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"[{where}] expected keys and values, got {values!r}")
    hints = typing.get_type_hints(form)
    for key in values:
        if key not in hints:
            raise unknown_name(where, "key", str(key), [*hints, *also_known])
    fields = dataclasses.fields(form)  # type: ignore[arg-type]
    optional = {field.name for field in fields if field.default is not dataclasses.MISSING}
    return form(**{key: take(values, key, hints[key], where) for key in hints if key in values or key not in optional})


def take(values: dict[str, Any], key: str, form: Any, where: str) -> Any:
    """`values[key]`, which must be there and fit the type annotation `form`; a list becomes a tuple."""
    if key not in values:
        raise ConfigError(f"[{where}] {key}: missing; expected {_words(form)}")
    value = tuple(values[key]) if isinstance(values[key], list) else values[key]
    if not _fits(value, form):
        raise ConfigError(f"[{where}] {key}: expected {_words(form)}, got {values[key]!r}")
    return value


def _fits(value: Any, form: Any) -> bool:
    origin, parts = typing.get_origin(form), typing.get_args(form)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    return isinstance(value, form) and not (form is int and isinstance(value, bool))


def _words(form: Any) -> str:
    """What a type annotation is called in a message."""
    origin, parts = typing.get_origin(form), typing.get_args(form)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_words(part) for part in parts)
    if origin is tuple:
        return "a list"
    if origin is dict:
        return "keys and values"
    return {str: "a string", int: "an integer", type(None): "null"}[form]
