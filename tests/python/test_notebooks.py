"""The notebooks of docs/notebooks run, and hold what a run leaves: outputs, small, without a trace of the machine."""

import os
import re
from pathlib import Path

import pytest

pytest.importorskip("nbformat", reason="nbformat is not installed")

import nbformat

from libma.cache import home_folder

NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NAMES = [
    "01_quick_start",
    "02_find_and_edit",
    "03_attention_and_implicit_bias",
    "04_your_own_intervention",
]
MOST_BYTES = 300_000
SECONDS = 300  # of one cell, on a machine that does other things as well


def read(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def texts_of(notebook):
    """What cells printed and returned, without pictures."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            yield output.get("text", "") + output.get("data", {}).get("text/plain", "")


def test_all_are_listed():
    assert sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_outputs_are_stored_small_and_without_errors(name):
    notebook = read(name)
    nbformat.validate(notebook)
    assert (NOTEBOOKS / f"{name}.ipynb").stat().st_size < MOST_BYTES
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output.output_type for cell in cells for output in cell.outputs}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell.outputs)
    assert not [text for text in texts_of(notebook) if str(Path.home()) in text or "/tmp" in text]


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    prose = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")
    targets = [target for target in re.findall(r"\]\(([^)#]+)", prose) if not target.startswith("http")]
    assert [target for target in targets if not (NOTEBOOKS / target).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name, smollm2_gguf, tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("ipykernel", reason="ipykernel is not installed")
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    if not (home_folder() / "texts" / "boolq_passages.jsonl").exists():
        pytest.skip("no text; run `libma fetch boolq_passages`")
    package = Path(__import__("libma").__file__).parents[1]
    monkeypatch.setenv("OMP_WAIT_POLICY", "PASSIVE")  # quick beside other work, too
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(package), os.environ.get("PYTHONPATH", "")]))
    notebook = read(name)
    stored = [len(cell.outputs) > 0 for cell in code_cells(notebook)]
    resources = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=SECONDS, kernel_name="python3", resources=resources).execute()
    assert [len(cell.outputs) > 0 for cell in code_cells(notebook)] == stored
