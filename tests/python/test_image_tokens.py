"""The experiment image_tokens: it writes what ma.measure_tokens says of the same images."""

import csv
import json

import pytest
import torch

pytest.importorskip("PIL")

import numpy as np
from PIL import Image
from safetensors.torch import load_file

import libma as ma
from libma import cli

PREPROCESSING = {
    "image_processor_type": "BitImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 26},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": 24, "width": 24},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
}


@pytest.fixture(scope="module")
def folder(vision_folder, tmp_path_factory):
    """A tiny model with registers that says how its images are prepared."""
    folder = tmp_path_factory.mktemp("prepared")
    for path in vision_folder("dinov2_with_registers", "four").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Seven images of noise, and one that is broken."""
    folder = tmp_path_factory.mktemp("photographs")
    noise = np.random.default_rng(0)
    for index in range(7):
        Image.fromarray(noise.integers(0, 256, (30, 40 + index, 3), dtype=np.uint8)).save(folder / f"{index}.png")
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:100])
    return folder


def run(folder, photographs, tmp_path, *settings):
    config = tmp_path / "tokens.yaml"
    config.write_text(
        "experiment: image_tokens\n"
        f"model: {{name: {folder}, device: cpu}}\n"
        f"images: {{path: {photographs}, batch: 3, workers: 1}}\n"
        f"output: {tmp_path / 'results'}\n"
    )
    overrides = [part for setting in settings for part in ("--set", setting)]
    return cli.main(["run", "image_tokens", str(config), "--quiet", *overrides])


@pytest.fixture(scope="module")
def measured(folder, photographs):
    model = ma.load_vision_model(folder, device="cpu")
    with pytest.warns(UserWarning, match=r"1 images are left out.*broken\.png"):
        return ma.measure_tokens(model, ma.ImageSet(photographs), cls_attention=True, register_means=True, batch=2)


def test_it_writes_what_the_library_measures(folder, photographs, tmp_path, measured):
    assert run(folder, photographs, tmp_path) == 0
    results = tmp_path / "results"
    tensors = load_file(results / "tokens.safetensors")
    torch.testing.assert_close(tensors["attention.shares"], measured.cls_attention.shares, rtol=1e-5, atol=1e-7)
    assert tensors["norms.patches"].sum(dim=1).tolist() == [7 * 16] * 3
    edges, counts = tensors["norms.edges"], tensors["norms.patches"]
    for low, high, count in measured.norms.layers[2].histogram(per_octave=32):
        at = (edges / low - 1).abs().argmin()
        assert (edges[at + 1].item(), counts[2, at].item()) == (pytest.approx(high), count)
    torch.testing.assert_close(
        ma.load_register_means(results / "register_means.safetensors").means, measured.register_means.means
    )
    with (results / "norms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 6
    assert float(rows[-1]["mean norm"]) == pytest.approx(measured.norms.layers[2].kinds[5].mean)

    record = json.loads((results / "record.json").read_text())
    images = record["details"]["images"]
    assert (images["listed"], images["read"], len(images["problems"])) == (8, 7, 1)
    assert record["details"]["token_kinds"] == measured.norms.kinds
    for name in ("norms", "patches", "attention", "registers"):
        assert (results / f"{name}.md").exists()


def test_what_is_not_wanted_is_left_out(folder, photographs, tmp_path):
    recipe = "images.recipe=dinov2-native"
    assert run(folder, photographs, tmp_path, "cls_attention=none", "registers.means=false", recipe) == 0
    results = tmp_path / "results"
    assert not (results / "attention.md").exists()
    assert not (results / "registers.md").exists()
    assert set(load_file(results / "tokens.safetensors")) == {"norms.edges", "norms.patches"}


def test_the_record_tells_images_and_recipes_apart(folder, photographs, tmp_path):
    def hash_of(*settings):
        assert run(folder, photographs, tmp_path, "cls_attention=none", *settings) == 0
        return json.loads((tmp_path / "results" / "record.json").read_text())["details"]["images"]["sha256"]

    whole = hash_of()
    assert len(whole) == 64 and hash_of("images.batch=2") == whole
    assert hash_of("images.limit=3") != whole
    assert hash_of("images.recipe=dinov2-native") != whole


def test_a_dry_run_lists_all_that_is_missing(folder, tmp_path, capfd):
    missing = tmp_path / "absent"
    config = tmp_path / "tokens.yaml"
    config.write_text(f"model: {{name: {missing}}}\nimages: {{path: {missing}, recipe: dinov3}}\n")
    assert cli.main(["run", "image_tokens", str(config), "--dry-run"]) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 3


@pytest.mark.parametrize("setting", ["cls_attention=[7]", "cls_attention=[]", "norms.ratio=-1", "images.batch=0"])
def test_wrong_settings_are_one_line(folder, photographs, tmp_path, capfd, setting):
    assert run(folder, photographs, tmp_path, setting) == 2
    assert capfd.readouterr().err.count("error:") == 1
