"""`python scripts/check.py`: runs the test suites and checks of a finished build and adds up what they count."""

import argparse
from collections.abc import Callable

import suites
from steps import main_guard, say
from suites import Outcome

_MOST_LINES = 60  # of one failure's message


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["ctest", "pytest", "lint"], help="run one part")
    parser.add_argument("--tidy", action="store_true", help="clang-tidy too, on the files that differ from BASE")
    parser.add_argument("--base", default="main", metavar="BASE", help="what --tidy compares with (main)")
    parser.add_argument("--format", action="store_true", help="rewrite the files instead of checking them")
    options = parser.parse_args()
    if options.format:
        return _report([_told(outcome) for outcome in suites.rewrite()])
    parts: dict[str, Callable[[], list[Outcome]]] = {
        "lint": suites.run_lint,
        "ctest": lambda: [suites.run_ctest()],
        "pytest": lambda: [suites.run_pytest()],
    }
    outcomes = []
    for name, part in parts.items():
        if options.only in (None, name):
            outcomes += [_told(outcome) for outcome in part()]
    if options.tidy:
        outcomes.append(_told(suites.run_tidy(options.base)))
    return _report(outcomes)


def _told(outcome: Outcome) -> Outcome:
    """Prints a line on the suite, and what its failures said."""
    for message in outcome.messages:
        lines = message.splitlines()
        print("\n".join(lines[:_MOST_LINES]) + ("\n   ..." if len(lines) > _MOST_LINES else ""), flush=True)
    counts = f"{outcome.passed} passed, {outcome.failed} failed, {outcome.skipped} skipped"
    say(f"{outcome.title}: {counts}, {outcome.seconds:.1f} s")
    return outcome


def _report(outcomes: list[Outcome]) -> int:
    """The closing line; 1 when something failed."""
    passed, failed, skipped = (sum(getattr(o, what) for o in outcomes) for what in ("passed", "failed", "skipped"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    main_guard(main)
