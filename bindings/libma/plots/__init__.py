"""Figures of the experiments' results, drawn with matplotlib from the files in an output folder.

A module `plots/<experiment>.py` has one function, `figures(results, paper)`; `EXPERIMENTS` lists the modules.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError, unknown_name
from ..files import write_atomically
from ..results import Results, read_results

if TYPE_CHECKING:
    from .figure import Figure

FORMATS = ("pdf", "png", "svg")
EXPERIMENTS = (
    "ablation",
    "attention",
    "find_massive",
    "image_ablation",
    "image_tokens",
    "implicit_bias",
    "magnitudes",
    "register_neurons",
    "sweep",
    "trajectory",
    "weights",
)


def figures(results: Results | str | Path, paper: bool = False) -> "list[Figure]":
    """The figures of an experiment's results.

    Args:
        results: What `read_results` returns, or the folder.
        paper: Laid out like the figures of "Massive Activations in Large Language Models", where it has one of this kind.

    Raises:
        FileError: When the folder is not an experiment's, or a file in it is absent or damaged.
        UnknownNameError: When there are no figures of this experiment, or a table lacks a column.
        ConfigError: When matplotlib is not installed.

    Example::

        >>> libma.plots.figures("results/models")[0].save("curves.pdf")  # doctest: +SKIP
        PosixPath('curves.pdf')
    """
    if not isinstance(results, Results):
        results = read_results(results)
    if results.experiment not in EXPERIMENTS:
        raise unknown_name(str(results.folder), "figures of an experiment", results.experiment, EXPERIMENTS)
    with _styled():
        module = importlib.import_module(f"{__name__}.{results.experiment}")
        drawn: list[Figure] = module.figures(results, paper)
    return drawn


def plot(folder: str | Path, output: str | Path | None = None, kind: str = "pdf", paper: bool = False) -> list[Path]:
    """Writes the figures of an output folder and returns their files: what `libma plot` does.

    Args:
        folder: The output folder of an experiment.
        output: Where to write; `folder`/figures when it is None.
        kind: `pdf`, `png` or `svg`.
        paper: As for `figures`.

    Raises:
        Error: As for `figures`; FileError, too, when a file cannot be written. All figures are drawn before one is.
    """
    folder = Path(folder)
    drawn = figures(folder, paper)
    contents = [(f"{figure.name}.{kind}", figure.to_bytes(kind)) for figure in drawn]
    target = folder / "figures" if output is None else Path(output)
    return [write_atomically(target / name, content) for name, content in contents]


@contextmanager
def _styled() -> Iterator[None]:
    """matplotlib with libma's settings, and the caller's own ones afterwards."""
    try:
        import matplotlib
    except ImportError as error:
        raise ConfigError("[plot] figures need matplotlib; run: pip install 'libma[plot]'") from error
    from .style import RC

    with matplotlib.rc_context(RC):
        yield
