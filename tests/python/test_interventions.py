"""Interventions in files: what Python saves, Python loads."""

import pytest
import torch

import libma as ma


def test_saved_interventions_do_the_same_when_loaded(model, tmp_path):
    """Found sites to a file and back: the way from `find_massive` to lm-eval."""
    profile = ma.find_massive(model, torch.arange(64).view(4, 16), classify_tokens=False)
    select = ma.Selection.at([0, 2], [3, 5])  # nothing is massive in a random model
    site = f"blocks.{profile.edit_layer}.resid_post"
    edits = [
        ma.make_intervention("set_value", site=site, select=select, means=profile.means_for(select)),
        ma.make_intervention("scale", site="blocks.*.mlp_out", select=ma.Selection.top_k(2), factor=0.25),
    ]
    ma.save_interventions(tmp_path / "edit.yaml", edits)
    loaded = ma.load_interventions(tmp_path / "edit.yaml")

    def logits(active):
        handles = [model.add_hook(edit) for edit in active]
        result = model.forward([1, 2, 3, 4, 5])
        for handle in handles:
            handle.remove()
        return result

    assert torch.equal(logits(loaded), logits(edits))
    assert not torch.equal(logits(loaded), logits([]))


def test_errors_name_the_file_and_line(tmp_path):
    path = tmp_path / "edit.yaml"
    path.write_text("interventions:\n  - {site: embed, select: {kind: top_k, cuont: 1}, value: 0}\n")
    with pytest.raises(ma.ConfigError, match=r"edit.yaml:2\].*count"):
        ma.load_interventions(path)
    with pytest.raises(ma.FileError, match="absent.yaml"):
        ma.load_interventions(tmp_path / "absent.yaml")
