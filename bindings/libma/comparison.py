"""Several models' massive activations in one call."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _extension
from .errors import ConfigError

if TYPE_CHECKING:
    from ._C import Table


def compare_models(
    models: Sequence[str | Path | Mapping[str, Any]],
    texts: str | Sequence[str],
    **options: Any,
) -> "Table":
    """Where the massive activations of several models are: one row a model, each freed before the next is loaded.

    Args:
        models: Names, folders or `.gguf` files; or maps with `name` and whatever `measure_model` takes by keyword.
        texts: Name of a fetched text, a file, or the texts themselves.
        options: What `measure_model` takes by keyword, for all models that do not say otherwise.

    Returns:
        A Table. For sites, blocks and pairs, keep what `measure_model` returns.

    Raises:
        Error: As `measure_model`, for the first model that fails. `libma run find_massive` goes on with the others.

    Example::

        >>> ma.compare_models(["smollm2-135m-instruct", {"name": "smollm2-135m-instruct", "bos": True,
        ...                    "label": "with BOS"}], "boolq_passages")  # doctest: +SKIP
    """
    native = _extension.load()
    requests = [dict(model) if isinstance(model, Mapping) else {"name": model} for model in models]
    for request in requests:
        if "name" not in request:
            raise ConfigError(f"[models] {request} has no 'name'; give a name, a folder or a .gguf file")
    measured = [native.measure_model(os.fspath(r.pop("name")), texts, **{**options, **r}) for r in requests]
    table: Table = native.comparison_table(measured)
    return table
