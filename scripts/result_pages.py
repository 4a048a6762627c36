"""`python scripts/result_pages.py OUTPUT FOLDER=COMMAND...`: a Markdown page on each experiment's results, with its pictures.

FOLDER is an experiment's output folder, COMMAND the line that filled it. OUTPUT gets `<experiment>.md` and
`images/<experiment>_<figure>.png`. Every number on a page stands in a file of the folder. Builds nothing: it loads
the package in build/python.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "build" / "python"))

from libma import plots  # noqa: E402
from libma.files import write_atomically  # noqa: E402
from libma.results import Results, read_results  # noqa: E402

MOST_LINES = 70  # of a table on a page; longer ones are named
DOTS_PER_INCH = 110  # small files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("results", nargs="+", metavar="FOLDER=COMMAND")
    options = parser.parse_args()
    for pair in options.results:
        folder, command = pair.split("=", maxsplit=1)
        results = read_results(folder)
        page = "\n".join(_lines(results, command, options.output)) + "\n"
        write_atomically(options.output / f"{results.experiment}.md", page.encode())
    return 0


def _lines(results: Results, command: str, output: Path) -> Iterator[str]:
    record = results.record
    yield f"# {results.experiment}: {', '.join(results.models)}"
    yield f"\n```sh\n{command}\n```\n"
    yield f"{record['dtype']}, {record['device']}, {record['threads']} threads, libma at {record['libma']['commit'][:7]}."
    for figure in plots.figures(results) if results.experiment in plots.EXPERIMENTS else []:
        name = f"images/{results.experiment}_{figure.name}.png"
        write_atomically(output / name, figure.to_bytes("png", DOTS_PER_INCH))
        yield f"\n![{figure.name}]({name})\n\n{figure.caption}"
    longer = []
    for name in results.tables():
        table = results.folder / f"{name}.md"
        if table.is_file() and len(text := table.read_text(encoding="utf-8").splitlines()) <= MOST_LINES:
            yield f"\n## {name}\n"
            yield from text
        else:
            longer.append(f"`{name}.csv`")
    if longer:
        yield f"\nThe run also writes {', '.join(longer)}."


if __name__ == "__main__":
    sys.exit(main())
