"""The experiment `sweep` as a user runs it: its tables, the ablation's numbers, resumption, mistakes."""

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / "build" / "experiments"
CONFIG = """
experiment: sweep
model: {{name: {model}, dtype: float32, device: cpu}}
find: {{text: {text}, sequences: 6, length: 16, magnitude: 0.01, ratio: 2}}
sweeps:
  - {{kind: blocks, value: 0}}
  - {{kind: blocks, value: mean, name: blocks_mean}}
  - {{kind: spans, value: 0}}
  - {{kind: scale, factors: [0, 1]}}
  - {{kind: places, value: 0}}
  - {{kind: tokens}}
  - {{kind: restore, value: 0}}
  - {{kind: mean_from, sequences: [1, 6]}}
  - {{kind: mean_of}}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: {windows}}}]
  repetition: {{prompts: 2, prompt_tokens: 8, new_tokens: 12}}
tokens_per_pass: 32
output: {output}
"""
ABLATION = """
experiment: ablation
model: {{name: {model}, dtype: float32, device: cpu}}
find: {{text: {text}, sequences: 6, length: 16, magnitude: 0.01, ratio: 2}}
conditions:
  - original
  - {{name: zero, layer: auto, select: {{kind: massive, top: 1}}, value: 0}}
  - {{name: mean, layer: auto, select: {{kind: massive, top: 1}}, value: mean}}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: {windows}}}]
tokens_per_pass: 32
output: {output}
"""


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    if not (BINARIES / name).exists():
        pytest.skip(f"build/experiments/{name} is not built")
    return subprocess.run(
        [BINARIES / name, *map(str, arguments), "--quiet"], capture_output=True, text=True, timeout=300
    )


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


@pytest.fixture(scope="module")
def inputs(tiny_folder, tmp_path_factory):
    text = tmp_path_factory.mktemp("sweep") / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 977} on and on" for i in range(7500)))
    return tiny_folder, text


@pytest.fixture
def config(inputs, tmp_path):
    model, text = inputs

    def write(form: str = CONFIG, windows: int = 5) -> Path:
        path = tmp_path / "config.yaml"
        path.write_text(form.format(model=model, text=text, output=tmp_path / "out", windows=windows))
        return path

    return write


def test_each_sweep_becomes_a_table(config, tmp_path):
    done = run("sweep", config())
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    for name in ("blocks", "blocks_mean", "spans", "scale", "places", "tokens", "restore", "mean_from", "mean_of"):
        table = rows(out / f"sweep_{name}.csv")
        assert len(table) > 1 and (out / f"sweep_{name}.md").exists()
        assert next(iter(table[0].values())) == "original"
        assert float(table[0]["KL (nats)"]) == 0 and float(table[0]["agreement (%)"]) == 100
        assert float(table[0]["ratio to original"]) == 1
        assert all(0 <= float(row["repeated 4-grams (%)"]) <= 100 for row in table)
    blocks = rows(out / "sweep_blocks.csv")
    assert [row["layer (1-based)"] for row in blocks[1:]] == ["1", "2"]
    scale = rows(out / "sweep_scale.csv")
    assert scale[2]["perplexity"] == scale[0]["perplexity"]  # factor 1
    record = json.loads((out / "record.json").read_text())
    kl = [metric for metric in record["metrics"] if metric["name"] == "kl"]
    assert len(kl) == 1 + sum(len(sweep["conditions"]) for sweep in record["details"]["sweeps"])
    assert {metric["unit"] for metric in kl} == {"nats"}


@pytest.mark.parametrize("divergence", ["false", "true"])
def test_numbers_are_those_of_the_ablation(config, tmp_path, divergence):
    assert run("sweep", config(), "--output", tmp_path / "sweep").returncode == 0
    changes = ["--set", f"evaluate.divergence={divergence}"]
    done = run("ablation", config(ABLATION), "--output", tmp_path / "ablation", *changes)
    assert done.returncode == 0, done.stderr
    columns = {"words (perplexity)": "perplexity"}
    if divergence == "true":
        columns |= {"words KL (nats)": "KL (nats)", "words agreement (%)": "agreement (%)"}
    table = rows(tmp_path / "ablation" / "table.csv")
    assert set(table[0]) == {"condition", *columns}
    sweep = {row["what is set"] + row["value"]: row for row in rows(tmp_path / "sweep" / "sweep_tokens.csv")}
    for row, name in zip(table, ("original", "entry0", "entrymean"), strict=True):
        for ours, theirs in columns.items():
            assert row[ours] == sweep[name][theirs]


def test_a_killed_run_continues_to_the_same_bytes(config, tmp_path):
    path = config(windows=40)
    assert run("sweep", path, "--output", tmp_path / "unbroken").returncode == 0
    broken = tmp_path / "broken"
    process = subprocess.Popen([BINARIES / "sweep", path, "--output", broken, "--quiet"])
    journal = broken / "repetition.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and b'"repeated"' in journal.read_bytes()):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "sweep_blocks.csv").exists()
    done = run("sweep", path, "--output", broken)
    assert done.returncode == 0, done.stderr
    assert json.loads((broken / "record.json").read_text())["resumed"] is True
    for table in sorted((tmp_path / "unbroken").glob("sweep_*.csv")):
        assert (broken / table.name).read_bytes() == table.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "sweeps.0.kind=block"], ["'block'", "blocks"]),
        (["--set", "sweeps.0.factors=[1]"], ["sweeps.0.factors"]),
        (["--set", "sweeps.0.value=big"], ["sweeps.0.value", "'big'"]),
        (["--set", "sweeps.1.name=blocks"], ["sweeps.1", "taken"]),
        (["--set", "sweeps.0.name=a/b"], ["sweeps.0.name", "'a/b'"]),
        (["--set", "sweeps.7.sequences=[1, 9]"], ["sweeps.7.sequences", "find.sequences"]),
        (["--set", "sweeps.6.after=[9]"], ["cannot restore 9 blocks"]),
        (["--set", "sweeps=[]"], ["sweeps", "at least one"]),
        (["--set", "evaluate.perplexity=[]"], ["evaluate.perplexity", "at least one"]),
    ],
)
def test_a_mistake_is_one_line(config, arguments, parts):
    done = run("sweep", config(), *arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(part in done.stderr for part in parts), done.stderr
