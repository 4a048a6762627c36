"""Pages that are made from the code say what the code says."""

from pathlib import Path

import pytest

import libma as ma

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_page_on_hooks_has_the_catalogue():
    rows = [f"| `{name}` | {shape} | {meaning} |" for name, shape, meaning in ma.hook_catalogue()]
    page = (DOCS / "hooks.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in page if line.startswith("| `")] == rows


def test_the_page_on_models_lists_every_family():
    page = (DOCS / "models.md").read_text(encoding="utf-8").splitlines()
    listed = {cells[1].strip(): cells[2].strip() for line in page if len(cells := line.split("|")) == 8}
    for model_type, names in ma.architectures().items():
        assert listed[f"`{model_type}`"] == (", ".join(f"`{name}`" for name in names) or "-")


def test_the_page_on_models_counts_the_vision_configurations():
    families = pytest.importorskip("vision_families", reason="transformers is not installed").FAMILIES
    page = (DOCS / "models.md").read_text(encoding="utf-8").splitlines()
    listed = {cells[1].strip(): cells[2].strip() for line in page if len(cells := line.split("|")) == 7}
    for model_type, family in families.items():
        assert listed[f"`{model_type}`"] == str(len(family))
