"""The experiments attention and trajectory: they write what the library says of the same text."""

import csv
import json

import pytest
import torch
from safetensors.torch import load_file

import libma as ma
from libma import cli

checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")

PROMPTS = ["the rain. and on", "in town"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny LLaMA with grouped heads, and a text."""
    folder = tmp_path_factory.mktemp("attention")
    llama = checkpoints.write_llama(folder / "llama")
    checkpoints.write_tokenizer(llama)
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 977} on and on" for i in range(600)))
    return llama, text


def run(name, inputs, tmp_path, *lines, flags=("--quiet",)):
    llama, text = inputs
    config = tmp_path / f"{name}.yaml"
    fields = [
        f"experiment: {name}",
        f"model: {{name: {llama}, device: cpu}}",
        f"find: {{text: {text}, sequences: 4, length: 32, magnitude: 0.01, ratio: 2}}",
        f"output: {tmp_path / 'out'}",
    ]
    config.write_text("\n".join([*fields, *lines]) + "\n")
    return cli.main(["run", name, str(config), *flags])


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def found(inputs):
    """Model, text, and the profile of the calibration."""
    model = ma.load_model(inputs[0], device="cpu")
    text = inputs[1].read_text()
    sequences = ma.cut_sequences(model.tokenizer, [text], sequences=4, length=32)
    return model, text, ma.find_massive(model, sequences, magnitude=0.01, ratio=2), sequences


def test_attention_writes_sinks_of_each_kind_of_tokens(inputs, tmp_path, found):
    model, text, profile, _ = found
    sinks = "sinks: {sequences: 6, length: 24, tokens: [natural, random, repeated], eps: [0.2], scores: true}"
    assert run("attention", inputs, tmp_path, "seed: 5", sinks) == 0
    out = tmp_path / "out"
    sequences = ma.cut_sequences(model.tokenizer, [text], sequences=6, length=24)
    expected = ma.attention_sinks(model, sequences, profile, eps=[0.2], scores=True)
    summary = rows_of(out / "table.csv")
    assert [row["tokens"] for row in summary] == ["natural", "random", "repeated"]
    natural = expected.sink_first.mean().item()
    assert float(summary[0]["first token is a sink (%)"]) == pytest.approx(100 * natural)
    blocks = rows_of(out / "sinks.csv")
    assert len(blocks) == 3 * 2
    for layer in range(2):
        row = blocks[layer]
        assert (row["block (0-based)"], row["layer (1-based)"]) == (str(layer), str(layer + 1))
        assert float(row["on massive tokens (%)"]) == pytest.approx(100 * expected.massive[layer].mean().item())
        assert float(row["entropy (nats)"]) == pytest.approx(expected.entropy[layer].mean().item())
        logit = expected.massive_score[layer].mean().item()
        assert float(row["logit of massive tokens"]) == pytest.approx(logit)
    heads = rows_of(out / "heads.csv")
    assert len(heads) == 3 * 2 * 4
    assert float(heads[5]["on the first token (%)"]) == pytest.approx(100 * expected.first[1, 1].item())
    # A sequence of one token: each query gives all keys the same.
    for row in blocks[4:]:
        assert float(row["entropy (nats)"]) > float(blocks[0]["entropy (nats)"])
    record = json.loads((out / "record.json").read_text())
    assert record["details"]["sinks"]["natural"] == {"sequences": 6, "massive_tokens": expected.n_massive}
    assert record["details"]["massive_tokens"]["after_block_0_based"] == profile.edit_layer
    assert not (out / "maps.csv").exists()


def test_attention_writes_maps_of_prompts(inputs, tmp_path, found):
    model, _, profile, _ = found
    maps = f"maps: {{layers: [1, 0]}}\nprompts: {json.dumps(PROMPTS)}"
    assert run("attention", inputs, tmp_path, "sinks: {tokens: []}", maps) == 0
    out = tmp_path / "out"
    assert not (out / "sinks.csv").exists()
    tensors = load_file(out / "maps.safetensors")
    rows = rows_of(out / "maps.csv")
    record = json.loads((out / "record.json").read_text())
    for i, prompt in enumerate(PROMPTS):
        expected = ma.attention_maps(model, prompt, profile, layers=[1, 0])
        assert tensors[f"prompt.{i}.layers"].tolist() == [1, 0]
        torch.testing.assert_close(tensors[f"prompt.{i}.logits"], expected.scores)
        torch.testing.assert_close(tensors[f"prompt.{i}.pattern"], expected.pattern)
        assert tensors[f"prompt.{i}.massive"].bool().equal(expected.massive)
        mine = [row for row in rows if row["prompt"] == str(i)]
        assert len(mine) == 2 * 4 * len(expected.ids)
        last = mine[-1]
        assert (last["block (0-based)"], last["head"]) == ("0", "3")
        assert float(last["mean probability (%)"]) == pytest.approx(100 * expected.key_pattern[1, 3, -1].item())
        assert float(last["mean logit"]) == pytest.approx(expected.key_scores[1, 3, -1].item(), rel=1e-5)
        assert record["details"]["prompts"][i]["tokens"] == expected.tokens


def test_trajectory_writes_tokens_and_groups(inputs, tmp_path, found):
    model, _, profile, sequences = found
    assert run("trajectory", inputs, tmp_path, f"prompts: {json.dumps(PROMPTS)}", "layer: 1") == 0
    out = tmp_path / "out"
    tensors = load_file(out / "trajectory.safetensors")
    rows = rows_of(out / "trajectory.csv")
    for i, prompt in enumerate(PROMPTS):
        way = ma.norm_trajectory(model, prompt, profile, layer=1)
        for name, x in way.vectors.items():
            torch.testing.assert_close(tensors[f"prompt.{i}.{name.replace(' ', '_')}"], x)
        mine = [row for row in rows if row["prompt"] == str(i)]
        assert "".join(json.loads(row["token"]) for row in mine) == prompt
        assert float(mine[1]["rms"]) == pytest.approx(way.table().at(1, "rms"))
    groups = ma.trajectory_groups(model, sequences, profile, layer=1)
    written = rows_of(out / "groups.csv")
    assert len(written) == 12
    assert float(written[3]["mean length"]) == pytest.approx(groups.table().at(3, "mean length"))
    assert len(rows_of(out / "shapes.csv")) == 2
    details = json.loads((out / "record.json").read_text())["details"]
    assert details["block_0_based"] == 1
    assert details["massive_tokens"]["count"] == groups.table().at(0, "count")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("attention", "sinks: {eps: [2]}"),
        ("attention", "sinks: {tokens: [naturel]}"),
        ("attention", "sinks: {layers: [7]}"),
        ("attention", "sinks: {layers: []}"),
        ("attention", "sinks: {tokens: []}"),
        ("attention", "sinks: {sequences: 100000}"),
        ("attention", "maps: {layers: all}"),
        ("trajectory", "layer: first"),
        ("trajectory", "layer: 2"),
    ],
)
def test_wrong_settings_are_one_line(inputs, tmp_path, capfd, name, line):
    assert run(name, inputs, tmp_path, line) == 2
    assert capfd.readouterr().err.count("error:") == 1


@pytest.mark.parametrize("flag", ["--quiet", "--dry-run"])
@pytest.mark.parametrize(
    ("name", "line", "key"),
    [
        ("attention", "sinks: {sequences: 3, layers: [1, 9]}", "sinks.layers"),
        ("attention", "maps: {layers: 9}", "maps.layers"),
        ("trajectory", "layer: 9", "layer"),
    ],
)
def test_a_block_that_is_not_there_is_named_with_its_place(inputs, tmp_path, capfd, name, line, key, flag):
    assert run(name, inputs, tmp_path, line, flags=[flag]) == 2
    [error] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert f"{name}.yaml:5] {key}: there is no block 9; use 0 to 1" in error


def test_a_dry_run_says_that_the_text_is_too_short(inputs, tmp_path, capfd):
    llama, text = inputs
    config = tmp_path / "attention.yaml"
    config.write_text(
        f"model: {{name: {llama}}}\nfind: {{text: {text}, sequences: 2, length: 16}}\nsinks: {{sequences: 100000}}\n"
    )
    assert cli.main(["run", "attention", str(config), "--dry-run"]) == 2
    [error] = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error:")]
    assert "sequences of 64 tokens" in error
    assert cli.main(["run", "attention", str(config), "--dry-run", "--set", "sinks.sequences=3"]) == 0


def test_smollm2_has_its_sink_at_the_start_after_block_11(smollm2_gguf):
    text = smollm2_gguf.parents[2] / "texts" / "boolq_passages.jsonl"
    if not text.exists():
        pytest.skip("run `libma fetch boolq_passages`")
    model = ma.load_model(smollm2_gguf, device="cpu")
    with text.open() as lines:
        passages = [json.loads(next(lines))["text"] for _ in range(40)]
    sequences = ma.cut_sequences(model.tokenizer, passages, sequences=4, length=64)
    profile = ma.find_massive(model, sequences)
    assert profile.edit_layer == 11
    sinks = ma.attention_sinks(model, sequences, profile)
    assert sinks.n_massive == 4
    before, behind = sinks.massive[:3].mean().item(), sinks.massive[12:28].mean().item()
    assert before < 0.2 and behind > 0.5
    torch.testing.assert_close(sinks.massive, sinks.first)  # the massive token is the first one
    way = ma.norm_trajectory(model, "Summer is warm. Winter is cold.", profile)
    assert way.layer == 12 and way.massive.tolist() == [True] + [False] * 7
    assert way.table().at(0, "normalized dim 1") == 507
    assert way.table().at(0, "of the bound sqrt(d_model)") > 99
