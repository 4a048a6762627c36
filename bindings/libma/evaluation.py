"""Zero-shot tasks in one call."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from . import _extension
from .errors import ConfigError

if TYPE_CHECKING:
    from ._C import AblationResult, Intervention, Model

Edits: TypeAlias = "Sequence[Intervention] | Intervention | str | Path"


def evaluate(  # noqa: PLR0913  (options by keyword)
    model: "Model",
    tasks: str | Sequence[str],
    *,
    interventions: "Edits | Mapping[str, Edits] | None" = None,
    limit: int = 0,
    profile: str = "lm-eval-current",
    tokens_per_pass: int = 0,
    home: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> "AblationResult":
    """Accuracy of a model on zero-shot tasks, with and without interventions.

    Args:
        model: A loaded model.
        tasks: Names of tasks, or paths of task files.
        interventions: Edits that are active: a list, a single one, or a file of `save_interventions`; or such for each
            row of the table, by its name.
        limit: Only the first documents of each task; 0: all.
        profile: Of BOS, as for `score_requests`.
        tokens_per_pass: As for `score_requests`.
        home: Cache of fetched data sets; None for `$LIBMA_HOME`, or else `~/.cache/libma`.
        progress: Called as `progress(stage, done, total)`.

    Returns:
        An AblationResult: `.table()` has accuracies in percent, `.metrics_table()` every metric, `.to_pandas()` the
        same as a DataFrame.

    Example::

        >>> ma.evaluate(model, ["piqa", "arc_easy"], limit=100).table()  # doctest: +SKIP
    """
    native = _extension.load()
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    if not names:
        raise ConfigError("[tasks] names none; give at least one")
    rows = interventions if isinstance(interventions, Mapping) else {_row_name(interventions): interventions or []}
    conditions = [native.Condition(name, _edit_list(edits)) for name, edits in rows.items()]
    columns = [
        native.ZeroShotTask(model, native.load_task(name, limit=limit, home=home), profile=profile) for name in names
    ]
    result: AblationResult = native.evaluate_conditions(
        model, conditions, columns, tokens_per_pass=tokens_per_pass, progress=progress
    )
    return result


def _row_name(edits: "Edits | None") -> str:
    return "edited" if edits else "original"


def _edit_list(edits: Any) -> "list[Intervention]":
    if isinstance(edits, str | Path):
        return list(_extension.load().load_interventions(edits))
    if isinstance(edits, Sequence):
        return list(edits)
    return [edits]
