"""Zero-shot tasks in the ablation binary: table, examples, resumption after `kill -9`, one clear line for a mistake."""

import csv
import hashlib
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "build" / "experiments" / "ablation"
CONFIG = """
experiment: ablation
model: {{name: {model}, dtype: float32, device: cpu}}
find: {{text: {text}, sequences: 4, length: 16, magnitude: 0.01, ratio: 2}}
conditions:
  - original
  - {{name: zero, layer: auto, select: {{kind: massive, top: 1}}, value: 0}}
  - {{name: control, layer: auto, select: median_magnitude, value: 0}}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: 4}}]
  zero_shot: {{tasks: [{colours}, {endings}], profile: nobos, limit: {limit}}}
tokens_per_pass: 128
output: {output}
"""
COLOURS = """
description: made up
kind: multiple_choice
version: 0
data: colours.jsonl
context: "{question}\\nAnswer:"
choices: "{choices}"
gold: "{gold}"
metrics: [acc, acc_norm]
"""
ENDINGS = """
description: made up
kind: loglikelihood
version: 2
data: endings.jsonl
context: "{text}"
continuation: "{end}"
metrics: [acc, perplexity]
"""
DOCUMENTS = 120


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    if not BINARY.exists():
        pytest.skip("build/experiments/ablation is not built")
    return subprocess.run([BINARY, *map(str, arguments), "--quiet"], capture_output=True, text=True, timeout=300)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny model with a tokenizer, a text, and two tasks of a user's own."""
    folder = tmp_path_factory.mktemp("zero-shot")
    model = checkpoints.write_llama(folder / "model")
    checkpoints.write_tokenizer(model)
    (folder / "words.txt").write_text(" ".join(f"the rain in town {i % 977} on and on" for i in range(200)))
    (folder / "colours.yaml").write_text(COLOURS)
    (folder / "endings.yaml").write_text(ENDINGS)
    with (folder / "colours.jsonl").open("w") as lines:
        for i in range(DOCUMENTS):
            choices = ["red", "deep blue", "green as grass"][: 2 + i % 2]
            lines.write(json.dumps({"question": f"The {i}th?", "choices": choices, "gold": i % 2}) + "\n")
    with (folder / "endings.jsonl").open("w") as lines:
        for i in range(DOCUMENTS):
            lines.write(json.dumps({"text": f"the {i} on the", "end": "hill"}) + "\n")
    return folder


@pytest.fixture
def config(inputs, tmp_path):
    """Writes the config with output to `tmp_path/out` and returns its path."""

    def write(**changes: object) -> Path:
        path = tmp_path / "ablation.yaml"
        fields = {
            "model": inputs / "model",
            "text": inputs / "words.txt",
            "colours": inputs / "colours.yaml",
            "endings": inputs / "endings.yaml",
            "limit": 10,
            "output": tmp_path / "out",
            **changes,
        }
        path.write_text(CONFIG.format(**fields))
        return path

    return write


def test_the_table_has_accuracies_their_mean_and_the_chance_level(config, tmp_path):
    done = run(config())
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "out" / "table.csv")
    assert [row["condition"] for row in rows] == ["original", "zero", "control", "chance"]
    colours, endings = float(rows[0]["colours (acc %)"]), float(rows[0]["endings (acc %)"])
    assert float(rows[0]["mean (acc %)"]) == pytest.approx((colours + endings) / 2)
    share = colours / 100
    error = 100 * (share * (1 - share) / 9) ** 0.5
    assert float(rows[0]["colours (acc %) std error"]) == pytest.approx(error)
    assert float(rows[3]["colours (acc %)"]) == pytest.approx(100 * (5 / 2 + 5 / 3) / 10)
    assert rows[3]["mean (acc %)"] == ""  # nobody guesses an ending
    assert rows[3]["endings (acc %)"] == "" and rows[3]["words (perplexity)"] == ""


def test_every_metric_and_every_example_are_kept(config, inputs, tmp_path):
    done = run(config())
    assert done.returncode == 0, done.stderr
    metrics = rows_of(tmp_path / "out" / "zero_shot.csv")
    found = {(row["condition"], row["task"], row["metric"]): row for row in metrics}
    assert len(found) == len(metrics) == 3 * 4
    lines = (tmp_path / "out" / "examples_colours.jsonl").read_text().splitlines()
    examples = [json.loads(line) for line in lines]
    assert [(line["condition"], line["document"]) for line in examples] == [
        (condition, i) for condition in ("original", "zero", "control") for i in range(10)
    ]
    for line in examples:
        context = f"The {line['document']}th?\nAnswer:"
        values = [request["log_likelihood_nats"] for request in line["requests"]]
        assert {r["context_sha256"] for r in line["requests"]} == {hashlib.sha256(context.encode()).hexdigest()}
        assert line["requests"][0]["continuation"] == " red"
        assert line["chosen"] == values.index(max(values)) and line["gold"] == line["document"] % 2
        assert line["scores"]["acc"] == (line["chosen"] == line["gold"])
    for condition in ("original", "zero"):
        share = sum(line["scores"]["acc_norm"] for line in examples if line["condition"] == condition) / 10
        assert float(found[condition, "colours", "acc_norm"]["value"]) == pytest.approx(share)
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["config"]["evaluate"]["zero_shot"]["profile"] == "nobos"
    result = record["details"]["conditions"][1]["zero_shot"][1]
    assert (result["task"], result["version"], result["documents"]) == ("endings", 2, 10)
    (digest,) = [v for k, v in record["details"]["datasets"].items() if k.endswith("colours.jsonl")]
    assert digest == hashlib.sha256((inputs / "colours.jsonl").read_bytes()).hexdigest()


def test_a_killed_run_continues_to_the_same_bytes(config, tmp_path):
    path = config(limit="null")
    assert run(path, "--output", tmp_path / "unbroken").returncode == 0
    broken = tmp_path / "broken"
    process = subprocess.Popen([BINARY, path, "--output", broken, "--quiet"])
    journal = broken / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and b'"document"' in journal.read_bytes()):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "table.csv").exists()
    done = run(path, "--output", broken)
    assert done.returncode == 0, done.stderr
    assert json.loads((broken / "record.json").read_text())["resumed"] is True
    for name in ("table.csv", "zero_shot.csv", "examples_colours.jsonl", "examples_endings.jsonl"):
        assert (broken / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes(), name


def test_a_task_file_that_has_changed_is_asked_anew(config, inputs, tmp_path):
    (tmp_path / "colours.jsonl").write_bytes((inputs / "colours.jsonl").read_bytes())
    task = tmp_path / "colours.yaml"
    contexts = []
    for text in (COLOURS, COLOURS.replace("Answer:", "Colour:")):
        task.write_text(text)
        assert run(config(colours=task)).returncode == 0
        assert json.loads((tmp_path / "out" / "record.json").read_text())["resumed"] is False
        line = (tmp_path / "out" / "examples_colours.jsonl").read_text().splitlines()[0]
        contexts.append(json.loads(line)["requests"][0])
    assert contexts[0]["context_sha256"] != contexts[1]["context_sha256"]
    assert contexts[0]["log_likelihood_nats"] != contexts[1]["log_likelihood_nats"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "evaluate.zero_shot.tasks=[piqq]"], ["piqq", "piqa"]),
        (["--set", "evaluate.zero_shot.tasks=[]"], ["evaluate.zero_shot.tasks", "empty"]),
        (["--set", "evaluate.zero_shot.limit=0"], ["evaluate.zero_shot.limit", "0"]),
        (["--set", "evaluate.zero_shot.profile=bos2"], ["bos2", "lm-eval-2023"]),
        (["--set", "evaluate.zero_shot.limits=3"], ["limits", "limit"]),
        (["--set", "conditions.1.layer=[]"], ["conditions.1.layer", "empty"]),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(config, tmp_path, arguments, parts):
    assert_refused(run(config(), *arguments), tmp_path, *parts)


def test_a_data_set_that_was_not_fetched_is_named_with_the_command(config, tmp_path, monkeypatch):
    monkeypatch.setenv("LIBMA_HOME", str(tmp_path / "empty"))
    done = run(config(), "--set", "evaluate.zero_shot.tasks=[piqa]")
    assert_refused(done, tmp_path, "piqa", "libma fetch piqa")


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        ({"question": "?", "choices": ["a", "b"], "gold": 2}, ["gold", "2", "0 to 1"]),
        ({"question": "?", "choices": ["a", " "], "gold": 0}, ["choice 1", "empty"]),
        ({"question": "?", "choices": ["a"], "gold": 0}, ["1 choices"]),
        ({"question": "?", "gold": 0}, ["choices"]),
        ({"question": "?", "choices": ["a", "b" * 80], "gold": 0}, ["81 tokens", "64"]),
    ],
)
def test_a_row_that_cannot_be_asked_is_one_line(config, inputs, tmp_path, row, parts):
    (tmp_path / "colours.yaml").write_text(COLOURS)
    good = (inputs / "colours.jsonl").read_text().splitlines()[0]
    (tmp_path / "colours.jsonl").write_text(good + "\n" + json.dumps(row) + "\n")
    done = run(config(colours=tmp_path / "colours.yaml"))
    assert_refused(done, tmp_path, *parts)


def assert_refused(done, tmp_path, *parts):
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert all(part in done.stderr for part in parts), done.stderr
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []
