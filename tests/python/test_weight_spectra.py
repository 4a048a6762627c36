"""A model's parameters by name, the spectra of its matrices against NumPy, the gains of its norms."""

import pytest
import torch

pytest.importorskip("checkpoints", reason="transformers is not installed")

import checkpoints
import numpy as np
from safetensors.torch import load_file

import libma as ma


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return checkpoints.write_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def model(folder):
    return ma.load_model(folder, device="cpu")


@pytest.fixture(scope="module")
def stored(folder):
    return load_file(folder / "model.safetensors")


def test_parameters_are_those_of_the_checkpoint(model, stored):
    names = ma.parameter_names(model)
    assert names[0] == "embed.weight" and names[-1] in ("unembed.weight", "ln_final.weight")
    assert sum(ma.read_parameter(model, name).numel() for name in names) == model.n_parameters
    down = ma.read_parameter(model, "blocks.1.mlp.down.weight")
    assert torch.equal(down, stored["model.layers.1.mlp.down_proj.weight"])
    up = ma.read_parameter(model, "blocks.0.mlp.up.weight")
    parts = [stored[f"model.layers.0.mlp.{part}_proj.weight"] for part in ("gate", "up")]
    assert torch.equal(up, torch.cat(parts))
    with pytest.raises(ma.UnknownNameError, match="blocks.1.mlp.down.weight"):
        ma.read_parameter(model, "blocks.1.mlp.dawn.weight")


def test_they_come_in_the_models_dtype(folder, stored):
    half = ma.load_model(folder, device="cpu", dtype="bfloat16")
    name = "model.layers.1.mlp.down_proj.weight"
    assert torch.equal(ma.read_parameter(half, "blocks.1.mlp.down.weight"), stored[name].bfloat16())


def slice_of(matrix, top, index):
    """What SliceNorm says of row `index`, by NumPy."""
    norms = np.linalg.norm(matrix, axis=1)
    return {
        "norm": norms[index],
        "median_norm": np.sort(norms)[(len(norms) - 1) // 2],
        "rank": 1 + (norms > norms[index]).sum(),
        "count": len(norms),
        "z": (norms[index] - norms.mean()) / norms.std(ddof=1),
        "max_over_mean": np.abs(matrix[index]).max() / np.abs(matrix[index]).mean(),
        "top_share": top[index] ** 2,
    }


def assert_same_slice(slices, matrix, top, index):
    assert len(slices) == 1 and slices[0].index == index
    for name, value in slice_of(matrix, top, index).items():
        assert getattr(slices[0], name) == pytest.approx(value, rel=1e-10), name


def test_spectra_agree_with_numpy(model, stored):
    dim, neuron = 5, 40
    found = ma.weight_spectra(model, layers=[1], dims=[dim], neurons={1: [neuron], 0: [999]})
    theirs = {"attn.out": "self_attn.o_proj", "mlp.down": "mlp.down_proj", "mlp.gate": "mlp.gate_proj"}
    theirs["mlp.up"] = "mlp.up_proj"
    assert [(each.layer, each.name, each.writes) for each in found] == [
        (1, "attn.out", True),
        (1, "mlp.down", True),
        (1, "mlp.gate", False),
        (1, "mlp.up", False),
    ]
    for each in found:
        matrix = stored[f"model.layers.1.{theirs[each.name]}.weight"].double().numpy()
        u, s, vh = np.linalg.svd(matrix, full_matrices=False)
        spectrum = each.spectrum
        np.testing.assert_allclose(spectrum.singular_values.numpy(), s, rtol=1e-10)
        assert (spectrum.rows, spectrum.columns) == matrix.shape
        assert spectrum.frobenius == pytest.approx(np.linalg.norm(matrix), rel=1e-12)
        assert spectrum.stable_rank == pytest.approx((s**2).sum() / s[0] ** 2, rel=1e-10)
        rows, columns = ([dim], [neuron]) if each.writes else ([neuron], [dim])
        assert_same_slice(spectrum.row_norms, matrix, u[:, 0], rows[0])
        if each.name == "attn.out":
            assert spectrum.column_norms == []
        else:
            assert_same_slice(spectrum.column_norms, matrix.T, vh[0], columns[0])
    assert len(ma.spectra_table(found).rows) == 4
    assert len(ma.slices_table(found).rows) == 7


def test_all_blocks_are_the_default(model):
    assert [each.layer for each in ma.weight_spectra(model)] == [0] * 4 + [1] * 4


def test_a_plain_mlp_has_no_gate(family_folder):
    model = ma.load_model(family_folder("gpt2", "plain"), device="cpu")
    assert [each.name for each in ma.weight_spectra(model, layers=[0])] == ["attn.out", "mlp.down", "mlp.up"]


def test_gains_are_the_checkpoints(model, stored):
    gains = ma.norm_gains(model, [5, 9])
    assert [(gain.layer, gain.norm, gain.dim) for gain in gains[:4]] == [
        (0, "ln1", 5),
        (0, "ln1", 9),
        (0, "ln2", 5),
        (0, "ln2", 9),
    ]
    weights = stored["model.layers.0.post_attention_layernorm.weight"].double()
    assert gains[2].gain == weights[5].item()
    assert gains[2].median_gain == weights.abs().median().item()
    assert gains[2].rank == 1 + (weights.abs() > weights[5].abs()).sum().item()
    assert (gains[-1].layer, gains[-1].norm) == (-1, "ln_final")
    assert gains[-1].gain == stored["model.norm.weight"][9].item()
    assert len(ma.gains_table(gains).rows) == 10


def test_gains_are_as_applied(family_folder):
    """Gemma multiplies by 1 + w, and has norms behind attention and MLP."""
    from families import FAMILIES

    folder = family_folder("gemma2", next(iter(FAMILIES["gemma2"])))
    gains = ma.norm_gains(ma.load_model(folder, device="cpu"), [3])
    assert [gain.norm for gain in gains[:4]] == ["ln1", "ln1_post", "ln2", "ln2_post"]
    weights = load_file(folder / "model.safetensors")["model.layers.0.post_feedforward_layernorm.weight"]
    assert gains[3].gain == pytest.approx(1 + weights[3].item(), rel=1e-6)


def test_mistakes_are_errors(model):
    with pytest.raises(ma.ConfigError, match="there is no block 2"):
        ma.weight_spectra(model, layers=[2])
    with pytest.raises(ma.ShapeError, match="there is no row 32"):
        ma.weight_spectra(model, layers=[0], dims=[32])
    with pytest.raises(ma.ShapeError):
        ma.norm_gains(model, [-1])
    with pytest.raises(ma.ShapeError):
        ma.weight_spectrum(torch.full((2, 2), float("nan")))
