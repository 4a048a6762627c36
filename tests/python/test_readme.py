"""The README's Python and C++ blocks run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from libma.cache import home_folder

ROOT = Path(__file__).resolve().parents[2]


def run_blocks(count: int, folder: Path = ROOT) -> str:
    """What the first `count` Python blocks print, run one after the other."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    package = Path(__import__("libma").__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    command = [sys.executable, "-c", "\n".join(blocks[:count])]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_block_runs(smollm2_gguf):
    assert "dim 507 at the start token, 23,147 after block 11" in run_blocks(1)


def test_the_python_blocks_on_tasks_and_text_run(smollm2_gguf, tmp_path):
    for name in ("piqa", "arc_easy"):
        if not (home_folder() / "datasets" / f"{name}.jsonl").exists():
            pytest.skip(f"no data set {name}; run `libma fetch tasks`")
    words = [line.split() for line in run_blocks(3, tmp_path).splitlines() if line]
    first = next(i for i, line in enumerate(words) if line[0] == "condition")
    assert {"piqa", "arc_easy"} < set(words[first])
    assert [line[0] for line in words[first + 2 : first + 5]] == ["original", "zero", "chance"]
    assert (tmp_path / "edit.yaml").exists()


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
