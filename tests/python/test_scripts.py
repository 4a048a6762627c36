"""The scripts behind `make test`: what they count, and what they say of a command that fails."""

import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import environment
import steps
import suites


@pytest.fixture(autouse=True)
def scratch_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "LOGS", tmp_path)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_a_failed_step_shows_the_end_of_its_log_and_where_it_is(tmp_path: Path) -> None:
    with pytest.raises(steps.StepError) as error:
        steps.run("noisy step", python("print(*range(1000), sep='\\n'); raise SystemExit(3)"))
    lines = str(error.value).splitlines()
    assert lines[0] == "   | 960"
    assert lines[-3] == "   | 999"
    assert "failed with status 3" in lines[-2]
    assert lines[-1] == f"full log: {tmp_path}/noisy-step.log"


def test_a_killed_step_is_told_from_a_failed_one() -> None:
    with pytest.raises(steps.StepError, match="killed by signal 9"):
        steps.run("killed", python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))


def test_an_absent_command_is_an_error() -> None:
    with pytest.raises(steps.StepError, match="cannot run /no/such/command"):
        steps.run("absent", ["/no/such/command"])


def test_cases_are_counted_by_what_became_of_them() -> None:
    cases = ElementTree.fromstring(
        "<testsuite><testcase name='a' status='run'/><testcase name='b'><failure message='no'/></testcase>"
        "<testcase name='c'><skipped/></testcase><testcase name='d' status='notrun'/></testsuite>"
    )
    outcome = suites.Outcome("suite", 0.0).count(cases.iter("testcase"))
    assert (outcome.passed, outcome.failed, outcome.skipped) == (1, 1, 2)
    assert outcome.messages == ["None.b: no"]


def fake_ctest(folder: Path, monkeypatch: pytest.MonkeyPatch, junit: str, gtest: str, status: int) -> suites.Outcome:
    """What `run_ctest` makes of the files that a ctest leaves."""

    def attempt(title: str, command: list[str], env: dict[str, str]) -> tuple[float, int, Path]:
        (folder / "gtest").mkdir()
        (folder / "ctest.xml").write_text(junit)
        if gtest:
            (folder / "gtest" / "test_core.xml").write_text(gtest)
        log = folder / "log"
        log.write_text("the log")
        return 1.0, status, log

    monkeypatch.setattr(suites, "RESULTS", folder)
    monkeypatch.setattr(suites, "attempt", attempt)
    return suites.run_ctest()


PASSED = "<testsuite><testcase name='core' status='run'/></testsuite>"
FAILED = "<testsuite><testcase name='core' status='fail'><failure message='Failed'/></testcase></testsuite>"
TWO_CASES = "<testsuites><testsuite><testcase name='a'/><testcase name='b'/></testsuite></testsuites>"


@pytest.mark.parametrize(
    ("junit", "gtest", "status", "counts"),
    [
        (PASSED, TWO_CASES, 0, (2, 0)),
        (PASSED, "", 0, (1, 0)),  # no GoogleTest binary: counts as one
        (FAILED, TWO_CASES, 8, (2, 1)),  # died at exit, after its cases
        (FAILED, "", 8, (0, 1)),  # died before it wrote anything
        ("<testsuite/>", "", 8, (0, 1)),  # nothing ran
    ],
)
def test_a_binary_that_dies_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, junit: str, gtest: str, status: int, counts: tuple[int, int]
) -> None:
    outcome = fake_ctest(tmp_path, monkeypatch, junit, gtest, status)
    assert (outcome.passed, outcome.failed) == counts


def test_torch_is_found_without_being_imported(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "torch"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('torch was imported')")
    (package / "version.py").write_text("__version__ = '2.12.1+cu130'\n")
    wrapper = tmp_path / "python"
    wrapper.write_text(f'#!/bin/sh\nPYTHONPATH={package.parent} exec {sys.executable} -S "$@"\n')
    wrapper.chmod(0o755)
    torch = environment.find_torch(str(wrapper))
    assert torch is not None
    assert (torch.folder, torch.version) == (str(package), "2.12.1+cu130")
    assert str(package.parent) in torch.paths
    (package / "version.py").unlink()
    assert environment.find_torch(str(wrapper)) is None
