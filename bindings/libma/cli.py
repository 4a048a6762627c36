"""The command `libma`. Exit status: 0 success, 2 a user's error (one line on standard error), 1 a defect."""

import argparse
import sys
from collections.abc import Sequence

from . import _extension, cache, plots, reports, sources
from .converting import convert
from .errors import Error
from .fetching import fetch_all
from .progress import Progress
from .registers import register_means_page

_NAMES = "a name that `libma models` lists, a task, `tasks` (the data of all built-in tasks), or a .yaml file"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit status."""
    options = _parser().parse_args(arguments)
    progress = Progress()
    try:
        return int(options.run(options, progress))
    except Error as error:
        progress.clear()
        print(f"libma: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        progress.clear()
        print(f"libma: [{error.filename}] {error.strerror or error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        progress.clear()
        print("libma: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="libma", description="Find, edit and measure massive activations.")
    parser.add_argument("--version", action="version", version=f"libma {_extension.version()}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    command = commands.add_parser("fetch", help="bring models, texts and data sets to the cache")
    command.add_argument("names", nargs="+", metavar="NAME", help=_NAMES)
    command.set_defaults(run=_fetch)
    command = commands.add_parser("convert", help="write a pickled or llama2.c checkpoint as a folder of safetensors")
    command.add_argument(
        "source", metavar="SOURCE", help="a Hugging Face folder with pytorch_model.bin, or a llama2.c .bin file"
    )
    command.add_argument("target", metavar="TARGET", help="the folder to write")
    command.add_argument(
        "--tokenizer", metavar="FILE", help="a tokenizer.json under any name, or llama2.c's tokenizer .bin"
    )
    command.add_argument("--force", action="store_true", help="replace the model that TARGET holds")
    command.set_defaults(run=_convert)
    command = commands.add_parser("register-means", help="print a Markdown page on files of register means")
    command.add_argument(
        "files", nargs="+", metavar="FILE", help="what RegisterMeans.save wrote, or a published .pt file"
    )
    command.set_defaults(run=_register_means)
    command = commands.add_parser("run", help="run an experiment: libma run ablation CONFIG.yaml [--set a.b=c] ...")
    command.add_argument("experiment", metavar="EXPERIMENT")
    command.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...")
    command.set_defaults(run=_run)
    command = commands.add_parser("plot", help="draw the figures of an experiment's output folder")
    command.add_argument("results", metavar="RESULTS", help="the output folder: record.json and tables")
    command.add_argument("--paper", action="store_true", help="laid out as in the paper, where it has such a figure")
    command.add_argument("--format", choices=plots.FORMATS, default="pdf", help="of the files (pdf)")
    command.add_argument("--output", metavar="DIR", help="where to write the files (RESULTS/figures)")
    command.set_defaults(run=_plot)
    command = commands.add_parser("report", help="write one HTML page on experiments' output folders")
    command.add_argument("results", nargs="+", metavar="RESULTS", help="output folders, a chapter each")
    command.add_argument("--output", metavar="FILE", default="report.html", help="the page (report.html)")
    command.set_defaults(run=_report)
    command = commands.add_parser("models", help="list what can be fetched and what the cache has")
    command.set_defaults(run=_models)
    return parser


def _fetch(options: argparse.Namespace, progress: Progress) -> int:
    for path in fetch_all(options.names, progress=progress):
        print(path)
    return 0


def _convert(options: argparse.Namespace, progress: Progress) -> int:
    folder = convert(options.source, options.target, options.tokenizer, options.force, progress)
    print(folder)
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        print(
            f"libma: [{folder}] has no tokenizer: texts cannot be encoded; convert again with --tokenizer FILE --force",
            file=sys.stderr,
        )
    return 0


def _register_means(options: argparse.Namespace, _progress: Progress) -> int:
    print(register_means_page(options.files), end="")
    return 0


def _run(options: argparse.Namespace, _progress: Progress) -> int:
    return int(_extension.load().run_experiment(options.experiment, options.arguments))


def _plot(options: argparse.Namespace, _progress: Progress) -> int:
    for path in plots.plot(options.results, options.output, options.format, options.paper):
        print(path)
    return 0


def _report(options: argparse.Namespace, _progress: Progress) -> int:
    print(reports.write_report(options.results, options.output))
    return 0


def _models(_options: argparse.Namespace, _progress: Progress) -> int:
    home = cache.home_folder()
    listed = [sources.read_source(path) for path in sources.known_sources().values()]
    width = max(len(source.name) for source in listed)
    for group in sources.GROUPS:
        hint = "; `libma fetch tasks` brings those of the built-in tasks" if group == "datasets" else ""
        print(f"{group} ({home / group}{hint})")
        for source in (source for source in listed if source.group == group):
            state = "cached" if cache.is_cached(source, home) else "-"
            print(f"  {source.name:{width}}  {state:6}  {source.description} [{source.licence}]")
    return 0
