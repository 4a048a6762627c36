"""The experiment weights: from a planted massive activation to the weight, and what the weight is worth."""

import csv
import json
import math

import pytest

pytest.importorskip("checkpoints", reason="transformers is not installed")

from planted import DIM, DOWN, LAYER, NEURON, edited_copy, write
from safetensors.torch import load_file

import libma as ma
from libma import cli

CONFIG = """
experiment: weights
model: {{name: {model}, dtype: float32, device: cpu}}
find: {{text: {text}, sequences: 4, length: 16, magnitude: 0.01, ratio: 2}}
search: {{sequences: 3, threshold: 0.5, share: 0.5}}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: 4}}]
output: {output}
"""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights")
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 97} on and on" for i in range(300)))
    return write(folder), text


@pytest.fixture
def run(inputs, tmp_path):
    model, text = inputs

    def start(*settings, flags=("--quiet",)):
        config = tmp_path / "weights.yaml"
        config.write_text(CONFIG.format(model=model, text=text, output=tmp_path / "out"))
        overrides = [part for setting in settings for part in ("--set", setting)]
        return cli.main(["run", "weights", str(config), *flags, *overrides])

    return start


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_it_finds_the_weight_and_says_what_it_is_worth(run, inputs, tmp_path):
    model_folder, text = inputs
    assert run() == 0
    out = tmp_path / "out"
    (weight,) = rows_of(out / "super_weights.csv")
    found = [int(weight[name]) for name in ("block (0-based)", "layer (1-based)", "dim (row)", "neuron (column)")]
    assert found == [LAYER, LAYER + 1, DIM, NEURON]
    assert weight["token"]

    table = {row["condition"]: row for row in rows_of(out / "table.csv")}
    name = f"zero weight blocks.{LAYER}.mlp.down[{DIM}, {NEURON}]"
    assert list(table) == [
        "original",
        name,
        "zero them, activation := mean",
        "zero their neurons",
        "zero activation",
        "control: largest other weights",
        "control: random weights",
    ]

    def zero(tensors):
        tensors[DOWN][DIM, NEURON] = 0

    def perplexity(folder):
        model = ma.load_model(folder, device="cpu")
        windows = ma.make_windows(model.tokenizer.encode(text.read_text()), window=32, max_windows=4)
        return ma.perplexity(model, windows).perplexity

    zeroed = edited_copy(model_folder, tmp_path / "zeroed", zero)
    for condition, folder in [("original", model_folder), (name, zeroed)]:
        assert float(table[condition]["words (perplexity)"]) == pytest.approx(perplexity(folder), rel=1e-5)

    largest = f"largest |x| after block {LAYER}"
    assert float(table[name][largest]) < 0.1 * float(table["original"][largest])
    assert float(table["original"][largest]) == pytest.approx(float(weight["largest |x| after block"]), rel=1e-5)
    assert float(table["zero activation"][f"dim {DIM} after block {LAYER}"]) == 0
    for control in ("control: largest other weights", "control: random weights"):
        change = math.log(float(table[control]["words (perplexity)"]) / float(table["original"]["words (perplexity)"]))
        assert 0 < abs(change) < 0.5

    neurons = rows_of(out / "contributions.csv")
    assert int(neurons[0]["neuron"]) == NEURON and len(neurons) == 10
    blocks = rows_of(out / "blocks.csv")
    assert [row["step"] for row in blocks][LAYER] == "up"
    assert {row["block (0-based)"] for row in rows_of(out / "spectra.csv")} == {str(LAYER)}
    assert load_file(out / "singular_values.safetensors")[f"blocks.{LAYER}.mlp.down"].shape == (32,)
    for name in ("gains", "slices", "peaks", "sites"):
        assert rows_of(out / f"{name}.csv") and (out / f"{name}.md").exists()
    record = json.loads((out / "record.json").read_text())
    assert record["details"]["decomposed"]["dim"] == DIM
    assert record["details"]["search"]["has_more"] is False


def test_the_entry_and_the_blocks_may_be_named(run, tmp_path):
    settings = ("contributions.layer=0", "contributions.dim=3", "contributions.top=2", "spectra.layers=all")
    assert run(*settings, "evaluate=null") == 0
    out = tmp_path / "out"
    assert not (out / "table.md").exists()
    assert len(rows_of(out / "contributions.csv")) == 2
    assert len(rows_of(out / "spectra.csv")) == 3 * 4
    assert json.loads((out / "record.json").read_text())["details"]["decomposed"]["block_0_based"] == 0


def test_without_spikes_there_is_nothing_to_zero(run, tmp_path):
    assert run("search.threshold=1e9", "spectra.layers=none") == 0
    out = tmp_path / "out"
    assert rows_of(out / "super_weights.csv") == []
    assert [row["condition"] for row in rows_of(out / "table.csv")] == ["original", "zero activation"]
    assert not (out / "spectra.md").exists()


@pytest.mark.parametrize(
    "setting",
    [
        "search.threshold=-1",
        "spectra.layers=[]",
        "spectra.layers=some",
        "contributions.dim=first",
        "search.k=1",
        "search.sequences=99",
    ],
)
def test_wrong_settings_are_one_line(run, capfd, setting):
    assert run(setting) == 2
    assert capfd.readouterr().err.count("error:") == 1


@pytest.mark.parametrize("key", ["spectra.layers", "contributions.layer"])
def test_a_dry_run_looks_at_blocks(run, capfd, key):
    assert run(f"{key}=99", flags=["--dry-run"]) == 2
    assert f"{key}: there is no block 99" in capfd.readouterr().err
