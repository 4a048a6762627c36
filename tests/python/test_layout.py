"""The shape of the source tree, as docs/design.md lays it down: who includes whom, and what is where."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_LINES = 400
TOP_FOLDERS = ("libma", "bindings", "experiments", "tests", "scripts", "cmake", "configs", "docs")

# Folder of libma -> the folders of libma whose headers its files may include, beside its own.
MAY_INCLUDE = {
    "core": set(),
    "io": {"core"},
    "hooks": {"core"},
    "nn": {"core", "hooks"},
    "models": {"core", "hooks", "io", "nn"},
    "interventions": {"core", "hooks"},
    "analysis": {"core", "hooks", "interventions"},
    "eval": {"core", "io", "hooks", "nn", "models", "interventions", "analysis"},
}

# What a line of C++ must not contain -> where it may all the same.
CONFINED = {
    r'#include [<"]pybind11/|torch/extension\.h|torch/csrc/utils/pybind\.h|#include [<"]Python\.h': ("bindings/",),
    r"#include [<\"]Eigen/": ("libma/analysis/", "tests/analysis/"),
    r"#include [<\"]spdlog/": ("libma/core/log.",),
    r"#include [<\"]sentencepiece": ("libma/io/tokenizer/sentencepiece_library.",),
    r"#include [<\"]yaml-cpp/": ("libma/core/yaml",),
    r"#include <torch/torch\.h>": ("bindings/",),
}
# The library prints nothing, ends no process and reads no environment.
FORBIDDEN_IN_LIBRARY = (
    r"\bstd::(cout|cerr|clog)\b",
    r"\b(std::)?(printf|fprintf|puts|fputs|putchar|perror)\s*\(",
    r"\b(std::)?(exit|quick_exit|_exit|abort|terminate)\s*\(",
    r"\b(std::|::)?(secure_)?getenv\b",
    r"\benviron\b",
)
# Built from pieces, so that this file does not hold what it looks for.
FORBIDDEN_ANYWHERE = (
    r"(?<![\w./])/" + r"(root|work)/",
    r"(?<![\w./])/" + r"home/(?!me\b)\w",
    r"\b(files\.pythonhosted|pypi\.python|deb\.debian|download\.pytorch)" + r"\.org\b",
    r"\bpypi" + r"\.org\b",
    r"https?://(www\.)?huggingface" + r"\.co\b",
)


def files_below(*folders: str, suffixes: Iterable[str] = (".h", ".cpp")) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                yield path


def lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each line with `file:number`, for messages."""
    name = path.relative_to(ROOT).as_posix()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        yield f"{name}:{number}", line


def code_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each line without its comment and with string literals emptied; includes stay whole."""
    for place, line in lines_of(path):
        code = line if line.startswith("#include") else re.sub(r'"(\\.|[^"\\])*"', '""', line)
        yield place, re.sub(r"//.*", "", code)


def find_all(patterns: Iterable[str], lines: Iterable[tuple[str, str]]) -> list[str]:
    searched = [re.compile(pattern) for pattern in patterns]
    return [f"{place}: {line.strip()}" for place, line in lines if any(p.search(line) for p in searched)]


def architectures() -> list[str]:
    listing = (ROOT / "libma/models/builtin.def").read_text(encoding="utf-8")
    return re.findall(r"^LIBMA_BUILTIN\((\w+)\)", listing, flags=re.MULTILINE)


def test_every_folder_of_the_library_has_a_rule() -> None:
    folders = {path.name for path in (ROOT / "libma").iterdir() if path.is_dir()}
    assert folders == set(MAY_INCLUDE)


@pytest.mark.parametrize("folder", MAY_INCLUDE)
def test_includes_follow_the_layers(folder: str) -> None:
    allowed = MAY_INCLUDE[folder] | {folder}
    wrong = []
    for path in files_below(f"libma/{folder}"):
        for place, line in lines_of(path):
            found = re.match(r'#include [<"](libma|experiments|bindings|tests)/(?:(\w+)/)?', line)
            if found and (found[1] != "libma" or found[2] not in allowed):
                wrong.append(f"{place}: {line}")
    assert wrong == []


@pytest.mark.parametrize("pattern", CONFINED)
def test_third_parties_stay_where_they_belong(pattern: str) -> None:
    places = CONFINED[pattern]
    found = [
        hit
        for path in files_below("libma", "bindings", "experiments", "tests")
        if not path.relative_to(ROOT).as_posix().startswith(places)
        for hit in find_all([pattern], lines_of(path))
    ]
    assert found == []


def test_the_library_prints_nothing_and_reads_no_environment() -> None:
    found = [hit for path in files_below("libma") for hit in find_all(FORBIDDEN_IN_LIBRARY, code_of(path))]
    assert found == []


def test_architectures_are_named_in_models_only() -> None:
    """Neither code nor strings name one elsewhere. GGUF calls tokenizers after models, so io/tokenizer must.

    Tools that are called after a model (`llama.cpp`, `llama-gguf-split`) are no architectures.
    """
    names = architectures()
    assert names, "libma/models/builtin.def lists no architecture"
    pattern = r"(?i)(?<![a-z0-9])(" + "|".join(map(re.escape, names)) + r")(?![a-z0-9-]|\.cpp)"
    free = (ROOT / "libma/models", ROOT / "libma/io/tokenizer")
    outside = [path for path in files_below("libma") if not any(path.is_relative_to(folder) for folder in free)]
    code = [(place, re.sub(r"//.*", "", line)) for path in outside for place, line in lines_of(path)]
    assert find_all([pattern], code) == []


def test_files_are_short() -> None:
    kinds = (".h", ".cpp", ".py", ".cmake", ".yaml")
    counts = {path: len(path.read_text().splitlines()) for path in files_below(*TOP_FOLDERS, suffixes=kinds)}
    assert {str(path.relative_to(ROOT)): n for path, n in counts.items() if n > MOST_LINES} == {}


def test_every_source_file_says_what_it_is() -> None:
    """A comment or docstring opens each file; a test of one source is named after it instead."""
    silent = []
    for path in files_below("libma", "experiments", "bindings", "scripts", suffixes=(".h", ".cpp", ".py")):
        first = path.read_text(encoding="utf-8").lstrip()
        if not first.startswith(("//", '"""', "#!")):
            silent.append(str(path.relative_to(ROOT)))
    assert silent == []


def test_nothing_names_this_machine_or_a_registry() -> None:
    kinds = (".h", ".cpp", ".py", ".cmake", ".yaml", ".md", ".txt", ".in", ".toml", ".json", ".pyi")
    paths = [
        *files_below(*TOP_FOLDERS, suffixes=kinds),
        *(p for p in ROOT.iterdir() if p.is_file() and p.name != ".git"),
    ]
    assert [hit for path in paths for hit in find_all(FORBIDDEN_ANYWHERE, lines_of(path))] == []


def test_headers_guard_themselves() -> None:
    headers = files_below("libma", "experiments", "bindings", "tests", suffixes=(".h",))
    assert [str(path.relative_to(ROOT)) for path in headers if "#pragma once" not in path.read_text()] == []
