"""`python scripts/stubs.py`: writes bindings/libma/_C.pyi, the types of the built extension module.

`--check` compares instead, and exits with 1 and a diff when the checked-in file is not what the module says.
"""

import argparse
import difflib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUB = ROOT / "bindings" / "libma" / "_C.pyi"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the checked-in file")
    options = parser.parse_args()
    made = generate()
    if not options.check:
        STUB.write_text(made, encoding="utf-8")
        return 0
    kept = STUB.read_text(encoding="utf-8") if STUB.exists() else ""
    diff = difflib.unified_diff(kept.splitlines(), made.splitlines(), "checked in", "generated", lineterm="")
    lines = list(diff)
    print("\n".join(lines))
    return 1 if lines else 0


def generate() -> str:
    """The stub of the module in build/python, formatted."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "build" / "python")}
        command = [sys.executable, "-m", "pybind11_stubgen", "libma._C", "--exit-code", "-o", folder]
        subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
        stub = Path(folder) / "libma" / "_C.pyi"
        for action in (["check", "--fix", "--exit-zero"], ["format"]):
            ruff = [
                sys.executable,
                "-m",
                "ruff",
                *action,
                "--quiet",
                "--config",
                str(ROOT / "pyproject.toml"),
                str(stub),
            ]
            subprocess.run(ruff, check=True, capture_output=True)
        return stub.read_text(encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
