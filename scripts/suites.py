"""The parts of `make test`, each run to its end and counted: ctest (every GoogleTest case), pytest, the lint checks."""

import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from steps import ROOT, attempt, explain

BUILD = ROOT / "build"
RESULTS = BUILD / "test-results"
_CPP_FOLDERS = ("libma", "bindings", "experiments", "tests")
_PYTHON_PATHS = ("bindings", "scripts", "tests")


@dataclass
class Outcome:
    """Counts of one suite, and what its failures said."""

    title: str
    seconds: float
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    messages: list[str] = field(default_factory=list)

    def count(self, cases: Iterable[ElementTree.Element]) -> "Outcome":
        """Adds JUnit `testcase` elements."""
        for case in cases:
            trouble = [*case.findall("failure"), *case.findall("error")]
            if trouble:
                self.failed += 1
                name = f"{case.get('classname')}.{case.get('name')}"
                self.messages += [f"{name}: {(part.text or part.get('message') or '').strip()}" for part in trouble]
            elif case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
                self.skipped += 1
            else:
                self.passed += 1
        return self


def run_ctest() -> Outcome:
    """All CTest tests; a GoogleTest binary counts as its cases, and as one failure if it dies beside them."""
    cases = RESULTS / "gtest"
    shutil.rmtree(cases, ignore_errors=True)
    junit = RESULTS / "ctest.xml"
    junit.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(BUILD), "--output-on-failure", "--no-tests=error", "--timeout", "900"]
    command += ["--output-junit", str(junit)]
    seconds, status, log = attempt("ctest", command, {"GTEST_OUTPUT": f"xml:{cases}/"})
    outcome = Outcome("ctest", seconds)
    for test in _cases(junit):
        inner = _cases(cases / f"test_{test.get('name')}.xml")
        before = outcome.failed
        outcome.count(inner or [test])
        if inner and test.find("failure") is not None and outcome.failed == before:
            outcome.failed += 1
            outcome.messages.append(f"{test.get('name')}: died although its cases passed")
    return _checked(outcome, status, command, log)


def run_pytest() -> Outcome:
    """tests/python, against the package in build/python."""
    junit = RESULTS / "pytest.xml"
    junit.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "tests/python", "--quiet", f"--junitxml={junit}"]
    seconds, status, log = attempt("pytest", command)
    return _checked(Outcome("pytest", seconds).count(_cases(junit)), status, command, log)


def run_lint() -> list[Outcome]:
    """clang-format, ruff and mypy: each one check."""
    return [_check(title, command) for title, command in _lint_commands(rewrite=False).items()]


def rewrite() -> list[Outcome]:
    """Puts every file into the form that the checks want."""
    return [_check(title, command) for title, command in _lint_commands(rewrite=True).items()]


def run_tidy(base: str) -> Outcome:
    """clang-tidy on the C++ sources that differ from `base`."""
    seconds, status, log = attempt("changed files", ["git", "diff", "--name-only", "--diff-filter=d", base])
    if status != 0:
        return Outcome("clang-tidy", seconds, failed=1, messages=[log.read_text()])
    changed = [name for name in log.read_text().splitlines() if name.endswith(".cpp")]
    if not changed:
        return Outcome("clang-tidy", seconds, skipped=1)
    return _check("clang-tidy", [_tool("clang-tidy"), "--quiet", "-p", str(BUILD), *changed])


def _lint_commands(rewrite: bool) -> dict[str, list[str]]:
    sources = [p for top in _CPP_FOLDERS for p in (ROOT / top).rglob("*") if p.suffix in (".h", ".cpp")]
    cpp = sorted(str(path.relative_to(ROOT)) for path in sources)
    python = [path for path in _PYTHON_PATHS if (ROOT / path).exists()]
    mode = ["-i"] if rewrite else ["--dry-run", "-Werror"]
    commands = {
        "clang-format": [_tool("clang-format"), *mode, *cpp],
        "ruff format": [_tool("ruff"), "format", *([] if rewrite else ["--diff"]), *python],
        "ruff check": [_tool("ruff"), "check", *(["--fix"] if rewrite else []), *python],
    }
    return commands if rewrite else {**commands, "mypy": [sys.executable, "-m", "mypy"]}


def _check(title: str, command: list[str]) -> Outcome:
    seconds, status, log = attempt(title, command)
    if status == 0:
        return Outcome(title, seconds, passed=1)
    return Outcome(title, seconds, failed=1, messages=[explain(title, [*command[:3], "..."], status, log)])


def _checked(outcome: Outcome, status: int, command: list[str], log: Path) -> Outcome:
    """A runner that failed, or ran nothing, without a case that failed, is a failure all the same."""
    if outcome.failed == 0 and (status != 0 or outcome.passed == 0):
        outcome.failed = 1
        outcome.messages.append(explain(outcome.title, command, status, log))
    return outcome


def _cases(junit: Path) -> list[ElementTree.Element]:
    """The test cases of a JUnit file; none where the runner died before writing one."""
    try:
        return list(ElementTree.parse(junit).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return []


def _tool(name: str) -> str:
    """The pinned tool beside this interpreter, else the one on the path."""
    pinned = Path(sys.executable).with_name(name)
    return str(pinned) if os.access(pinned, os.X_OK) else name
