"""The experiment register_neurons: it writes what ma.find_register_neurons and ma.measure_tokens say of the same images."""

import contextlib
import csv
import json

import pytest

pytest.importorskip("PIL")
pytest.importorskip("transformers")

import numpy as np
from PIL import Image
from planted_neuron import plant_neuron
from vision_families import SIZES, random_pixels

import libma as ma
from libma import cli

PREPROCESSING = {
    "image_processor_type": "ViTImageProcessor",
    "do_resize": True,
    "size": {"height": 24, "width": 24},
    "resample": 2,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.29, 0.29, 0.29],
}


@pytest.fixture(scope="module")
def folder(vision_folder, tmp_path_factory):
    """A model whose neuron 7 of block 1 makes some patches long."""
    images = random_pixels(16, 3, SIZES["native"], seed=5)
    folder = plant_neuron(vision_folder("vit", "pooler"), tmp_path_factory.mktemp("planted"), images)
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSING))
    return folder


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Twenty images of noise of the model's own size."""
    folder = tmp_path_factory.mktemp("photographs")
    noise = np.random.default_rng(0)
    for index in range(20):
        Image.fromarray(noise.integers(0, 256, (24, 24, 3), dtype=np.uint8)).save(folder / f"{index:02}.png")
    return folder


def run(folder, photographs, tmp_path, *settings):
    config = tmp_path / "neurons.yaml"
    config.write_text(
        "experiment: register_neurons\n"
        f"model: {{name: {folder}, device: cpu}}\n"
        f"images: {{path: {photographs}, batch: 3, workers: 1}}\n"
        "outliers: {layer: 1}\nneurons: {top_k: 2}\n"
        f"output: {tmp_path / 'results'}\n"
    )
    overrides = [part for setting in settings for part in ("--set", setting)]
    return cli.main(["run", "register_neurons", str(config), "--quiet", *overrides])


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_experiment_writes_what_the_library_finds(folder, photographs, tmp_path):
    assert run(folder, photographs, tmp_path) == 0
    results = tmp_path / "results"
    model = ma.load_vision_model(folder, device="cpu")
    found = ma.find_register_neurons(model, ma.ImageSet(photographs), detect_layer=1, top_k=2)
    assert found.neurons[0].neuron == 7
    rows = table(results / "neurons.csv")
    assert [(int(r["block (0-based)"]), int(r["neuron"])) for r in rows] == [(n.layer, n.neuron) for n in found.neurons]
    assert [int(row["layer (1-based)"]) for row in rows] == [n.layer + 1 for n in found.neurons]
    assert float(rows[0]["mean magnitude at outliers"]) == pytest.approx(found.neurons[0].at_outliers, rel=1e-5)

    before = ma.measure_tokens(model, ma.ImageSet(photographs)).norms.layers[1]
    model = ma.load_vision_model(folder, device="cpu", n_test_registers=1)
    with contextlib.ExitStack() as stack:
        for edit in ma.test_time_registers(model, found):
            stack.enter_context(model.add_hook(edit))
        after = ma.measure_tokens(model, ma.ImageSet(photographs)).norms.layers[1]
    rows = {row["token"]: row for row in table(results / "norms.csv") if row["block (0-based)"] == "1"}
    assert list(rows) == ["cls", "register:0", "patch"]
    assert float(rows["patch"]["max before"]) == pytest.approx(before.kinds[1].max, rel=1e-5)
    assert float(rows["patch"]["max after"]) == pytest.approx(after.kinds[2].max, rel=1e-5)
    assert (rows["register:0"]["max before"], float(rows["register:0"]["max after"])) == (
        "",
        pytest.approx(after.kinds[1].max, rel=1e-5),
    )
    outliers = table(results / "outliers.csv")
    assert float(outliers[1]["patches above 5 x median before (%)"]) == pytest.approx(
        100 * found.n_outliers / (20 * 16)
    )
    record = json.loads((results / "record.json").read_text())
    assert record["details"]["summary"].startswith(repr(found).splitlines()[0])
    largest = f"largest norm of a patch is {after.kinds[2].max:.5g}, was {before.kinds[1].max:.5g}, of register:0"
    assert largest in (results / "summary.md").read_text()
    assert record["details"]["edits"][0].startswith("shift_neurons to [1], others zero at blocks.")


def test_the_experiment_says_when_there_is_nothing_to_shift(folder, photographs, tmp_path):
    assert run(folder, photographs, tmp_path, "outliers.threshold=1e6") == 0
    results = tmp_path / "results"
    assert table(results / "neurons.csv") == []
    assert {row["max after"] for row in table(results / "norms.csv")} == {""}
    record = json.loads((results / "record.json").read_text())
    assert record["details"]["edits"] == []
    summary = (results / "summary.md").read_text()
    assert summary.startswith("No register neurons, nothing to shift") and "0 of 320" in summary
    assert record["details"]["summary"] + ".\n" == summary


@pytest.mark.parametrize(
    "setting",
    [
        "outliers.ratio=-1",
        "outliers.layer=9",
        "neurons.top_k=0",
        "registers.count=0",
        "registers.others=none",
        "registers.keep=[dog]",
    ],
)
def test_wrong_settings_are_one_line(folder, photographs, tmp_path, capfd, setting):
    assert run(folder, photographs, tmp_path, setting) == 2
    assert capfd.readouterr().err.count("error:") == 1
