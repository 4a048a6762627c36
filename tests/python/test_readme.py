"""The README's Python and C++ blocks run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def test_the_python_block_runs(smollm2_gguf):
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    package = Path(__import__("libma").__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "dim 507 at the start token, 23,147 after block 11" in done.stdout


def test_the_cpp_block_runs():
    program = ROOT / "build" / "tests" / "readme" / "readme_example"
    if not program.exists():
        pytest.skip("build/tests/readme/readme_example is not built")
    if not (Path.home() / ".cache" / "libma" / "models" / "smollm2-135m-instruct").exists():
        pytest.skip("no model in ~/.cache/libma; run `libma fetch smollm2-135m-instruct`")
    done = subprocess.run([program], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "dim 507 at start" in done.stdout
    assert "zero" in done.stdout
