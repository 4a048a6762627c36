"""The checked-in stub is what the extension module says of itself."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_stub_is_up_to_date():
    pytest.importorskip("pybind11_stubgen")
    check = [sys.executable, str(ROOT / "scripts" / "stubs.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"run `python scripts/stubs.py`:\n{done.stdout}{done.stderr}"
