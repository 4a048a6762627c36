"""The experiment magnitudes: it writes what ma.measure_magnitudes says, without and with a BOS."""

import csv
import json

import pytest
import torch

import libma as ma
from libma import cli

checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")
load_file = pytest.importorskip("safetensors.torch").load_file

PROMPTS = ["Summer is warm. Winter is cold.\n", "Why"]
TABLES = ("locations", "layers", "largest", "emergence", "constancy", "outlier_features", "continuous")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny LLaMA with a BOS, and a text."""
    folder = tmp_path_factory.mktemp("magnitudes")
    llama = checkpoints.write_llama(folder / "llama", vocab_size=checkpoints.VOCAB)
    checkpoints.write_bos_tokenizer(llama)
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 977}. On and on" for i in range(100)))
    return llama, text


def run(inputs, tmp_path, *settings, flags=("--quiet",)):
    llama, text = inputs
    config = tmp_path / "magnitudes.yaml"
    config.write_text(
        "experiment: magnitudes\n"
        f"model: {{name: {llama}, device: cpu}}\n"
        f"find: {{text: {text}, sequences: 5, length: 16, magnitude: 2, ratio: 3}}\n"
        "bos: both\n"
        "outlier_features: {magnitude: 2}\n"
        f"prompts: {json.dumps(PROMPTS)}\n"
        f"output: {tmp_path / 'results'}\n"
    )
    overrides = [part for setting in settings for part in ("--set", setting)]
    return cli.main(["run", "magnitudes", str(config), *flags, *overrides])


def rows_of(path):
    return list(csv.DictReader(path.open(newline="")))


@pytest.fixture(scope="module")
def results(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    assert run(inputs, folder) == 0
    return folder / "results"


@pytest.fixture(scope="module")
def measured(inputs):
    model = ma.load_model(inputs[0], device="cpu")
    options = {"magnitude": 2, "ratio": 3, "outlier_magnitude": 2, "detail": True}
    return model, [
        ma.measure_magnitudes(
            model,
            ma.cut_sequences(model.tokenizer, [inputs[1].read_text()], sequences=5, length=16, add_bos=bos),
            **options,
        )
        for bos in (False, True)
    ]


def test_it_writes_what_the_library_measures(inputs, results, measured):
    arrays = load_file(results / "magnitudes.safetensors")
    for prefix, found in zip(("nobos.", "bos."), measured[1], strict=True):
        for name, array in found.arrays.items():
            torch.testing.assert_close(arrays[prefix + name], array, rtol=1e-5, atol=1e-6, equal_nan=True)
    layers = rows_of(results / "layers.csv")
    assert [row["BOS"] for row in layers] == ["no"] * 3 + ["yes"] * 3
    assert [row["layer (1-based)"] for row in layers] == ["0", "1", "2"] * 2
    for row, found in ((layers[2], measured[1][0]), (layers[5], measured[1][1])):
        assert float(row["top 3"]) == pytest.approx(found.arrays["top"][2, 2].item())
        assert float(row["median std"]) == pytest.approx(found.arrays["median_std"][2].item())
    largest = rows_of(results / "largest.csv")
    assert {row["model"] for row in largest} == {str(inputs[0])}
    assert float(largest[2]["top 5"]) == pytest.approx(measured[1][0].arrays["top"][2, 4].item())
    for name in TABLES:
        assert (results / f"{name}.md").read_text().startswith("|")
        assert {row["BOS"] for row in rows_of(results / f"{name}.csv")} == {"no", "yes"}


def test_surfaces_and_features_are_those_of_the_prompts(results, measured):
    model, (found, _) = measured
    record = json.loads((results / "record.json").read_text())
    surfaces = record["details"]["surfaces"]
    tensors = load_file(results / "surface.safetensors")
    assert {entry["tensor"] for entry in surfaces} == set(tensors)
    assert {(entry["prompt"], entry["bos"]) for entry in surfaces} == {(p, b) for p in PROMPTS for b in (False, True)}
    blocks = sorted({found.peak_layer - 1, found.peak_layer, 1})
    of_first = [entry for entry in surfaces if entry["prompt"] == PROMPTS[0] and not entry["bos"]]
    assert [entry["block_0_based"] for entry in of_first] == blocks
    expected = ma.magnitude_surface(model, PROMPTS[0], blocks)
    for entry, values in zip(of_first, expected.values, strict=True):
        torch.testing.assert_close(tensors[entry["tensor"]], values.abs())
        assert entry["tokens"] == expected.tokens
    [with_bos, *_] = [entry for entry in surfaces if entry["bos"]]
    assert with_bos["tokens"][0] == "<s>"
    features = rows_of(results / "features.csv")
    ours = [row for row in features if row["prompt"] == PROMPTS[0] and row["BOS"] == "no"]
    assert len(ours) == len(blocks) * len(expected.tokens) * 3
    assert {"layer", "token_index", "token_text", "dim", "value", "abs"} < set(ours[0])
    assert [row["token_text"] for row in ours[: 3 * len(expected.tokens) : 3]] == expected.tokens
    assert float(ours[0]["abs"]) == pytest.approx(expected.values[0, 0].abs().max().item())


def test_the_record_says_which_dims_are_what(results, measured):
    record = json.loads((results / "record.json").read_text())
    for arm, found in zip(record["details"]["models"], measured[1], strict=True):
        dims = {site.dim for site in found.profile.sites}
        outliers = arm["outliers"]
        assert set(outliers["massive"]) == dims
        assert set(outliers["outlier_features"]) == set(found.outlier_features)
        assert set(outliers["both"]) == dims & set(found.outlier_features)
        assert [entry["curve"] for entry in arm["emergence"]] == [curve.name for curve in found.emergence]
        assert arm["emergence"][0]["writers"] == found.emergence[0].writers
        assert arm["profile"]["n_sequences"] == 5
    assert {metric["labels"]["BOS"] for metric in record["metrics"]} == {"no", "yes"}
    assert record["dtype"] == "float32" and len(record["text_files"]) == 1


def test_what_is_not_wanted_is_left_out(inputs, tmp_path):
    assert run(inputs, tmp_path, "bos=with", "detail=false", "prompts=[]", "surface.layers=[0]") == 0
    results = tmp_path / "results"
    assert not (results / "surface.safetensors").exists() and not (results / "features.csv").exists()
    assert "kurtosis" not in rows_of(results / "continuous.csv")[0]
    assert {row["BOS"] for row in rows_of(results / "layers.csv")} == {"yes"}


@pytest.mark.parametrize("flag", ["--quiet", "--dry-run"])
@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("bos=maybe", "maybe"),
        ("find.bos=true", "find.bos says it too"),
        ("surface.layers=all", "list of blocks"),
        ("surface.layers=[7]", "surface.layers: there is no block 7; use -1 to 1"),
        ("surface.dims_per_token=0", "dims_per_token"),
        ("outlier_features.layers=1.5", "outlier_features.layers"),
        ("prompts=['']", "prompts.0: is empty"),
        ("detial=true", "detail"),
    ],
)
def test_wrong_settings_are_one_line(inputs, tmp_path, capfd, setting, part, flag):
    assert run(inputs, tmp_path, setting, flags=[flag]) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 1 and part in errors[0]


def test_a_dry_run_lists_what_is_missing(inputs, tmp_path, capfd):
    missing = tmp_path / "absent"
    config = tmp_path / "missing.yaml"
    config.write_text(f"model: {{name: {missing}}}\nfind: {{text: {missing}.txt}}\n")
    assert cli.main(["run", "magnitudes", str(config), "--dry-run"]) == 2
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(errors) == 2
