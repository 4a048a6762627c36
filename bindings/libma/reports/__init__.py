"""Reports: one HTML page on the results of experiments that opens without a network."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import ConfigError
from ..files import write_atomically
from ..results import read_results
from .chapters import Chapter, make_chapter


def write_report(folders: Sequence[str | Path], output: str | Path = "report.html") -> Path:
    """Writes the page on the results in `folders`, a chapter each, and returns its path: what `libma report` does.

    Figures, tables, configs, versions and hashes all stand in the page itself; nothing is loaded from elsewhere.

    Raises:
        FileError: When a folder is not an experiment's, a file in it is damaged, or the page cannot be written.
        ConfigError: When matplotlib or Jinja2 is not installed, or no folder is given.

    Example::

        >>> libma.reports.write_report(["results/models", "results/smollm2"], "report.html")  # doctest: +SKIP
        PosixPath('report.html')
    """
    if not folders:
        raise ConfigError("[report] no folder is given; give the output folders of experiments")
    found = [read_results(folder) for folder in folders]
    chapters = [make_chapter(results, number) for number, results in enumerate(found, start=1)]
    return write_atomically(Path(output), _render(chapters).encode("utf-8"))


def _render(chapters: Sequence[Chapter]) -> str:
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ConfigError("[report] needs Jinja2; run: pip install 'libma[plot]'") from error
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page: str = environment.get_template("page.html").render(chapters=chapters)
    return page
