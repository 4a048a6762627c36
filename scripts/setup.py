"""`python3 scripts/setup.py demo|test`: installs what the build needs; quick when all is there."""

import argparse
import sys
import time


def main() -> int:
    from environment import ensure_environment
    from packages import ensure_packages
    from steps import say

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("group", choices=["demo", "test"], help="what is to be run afterwards")
    options = parser.parse_args()
    begun = time.monotonic()
    if not ensure_packages():
        return 2
    ensure_environment(options.group)
    say(f"setup: {time.monotonic() - begun:.1f} s")
    return 0


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (told before imports that it cannot read)
        print(f"libma needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. Try make PYTHON=...")
        sys.exit(2)
    from steps import main_guard

    main_guard(main)
