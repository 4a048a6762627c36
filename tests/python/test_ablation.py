"""The ablation binary as a user runs it: results, resumption after `kill -9`, and one clear line for each mistake."""

import csv
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
  - {{name: mean, layer: auto, select: {{kind: massive, top: 1}}, value: mean}}
  - {{name: control, layer: auto, select: median_magnitude, value: 0}}
evaluate:
  perplexity: [{{task: {text}, name: words, window: 32, max_windows: {windows}}}]
tokens_per_pass: 32
output: {output}
"""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    if not BINARY.exists():
        pytest.skip("build/experiments/ablation is not built")
    return subprocess.run([BINARY, *map(str, arguments), "--quiet"], capture_output=True, text=True, timeout=300)


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny model with a tokenizer, and a text of 60,000 words."""
    folder = tmp_path_factory.mktemp("ablation")
    model = checkpoints.write_llama(folder / "model")
    checkpoints.write_tokenizer(model)
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 977} on and on" for i in range(7500)))
    return model, text


@pytest.fixture
def config(inputs, tmp_path):
    """Writes the config with output to `tmp_path/out` and returns its path."""
    model, text = inputs

    def write(windows: int = 8, **changes: object) -> Path:
        path = tmp_path / "ablation.yaml"
        fields = {"model": model, "text": text, "output": tmp_path / "out", "windows": windows, **changes}
        path.write_text(CONFIG.format(**fields))
        return path

    return write


def test_writes_a_table_its_record_and_what_was_found(config, tmp_path):
    done = run(config())
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "table.csv").open(newline="")))
    assert [row["condition"] for row in rows] == ["original", "zero", "mean", "control"]
    original, zero, _mean, _control = (float(row["words (perplexity)"]) for row in rows)
    assert original > 1 and zero != original
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["config"]["evaluate"]["perplexity"][0]["bos"] == "nobos"  # defaults are filled in
    results = record["details"]["conditions"]
    assert [result["perplexity"][0]["scored_tokens"] for result in results] == [8 * 31] * 4
    assert results[0]["perplexity"][0]["has_bos"] is False
    assert len(record["model_files"]) >= 2
    assert (tmp_path / "out" / "table.md").exists() and (tmp_path / "out" / "sites.csv").exists()


def test_a_killed_run_continues_to_the_same_bytes(config, tmp_path):
    path = config(windows=400)
    assert run(path, "--output", tmp_path / "unbroken").returncode == 0
    broken = tmp_path / "broken"
    process = subprocess.Popen([BINARY, path, "--output", broken, "--quiet"])
    journal = broken / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and len(journal.read_bytes().splitlines()) > 40):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "table.csv").exists()
    before = len(journal.read_bytes().splitlines())
    done = run(path, "--output", broken)
    assert done.returncode == 0, done.stderr
    assert json.loads((broken / "record.json").read_text())["resumed"] is True
    assert before < 1601
    assert (broken / "table.csv").read_bytes() == (tmp_path / "unbroken" / "table.csv").read_bytes()


def test_dry_run_prints_the_resolved_config_and_writes_nothing(config, tmp_path):
    done = run(config(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["find"]["sequences"] == 4
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "find.lenght=16"], ["find.lenght", "length"]),
        (["--set", "conditions.1.site=resid_pots"], ["resid_pots", "resid_post"]),
        (["--set", "conditions.1.layer=7"], ["conditions.1.layer: there is no block 7", "0 to 1"]),
        (["--set", "conditions.1.layer=7", "--dry-run"], ["conditions.1.layer: there is no block 7", "0 to 1"]),
        (["--set", "conditions.1.value=big"], ["conditions.1.value", "'big'"]),
        (["--set", "model.name=no-such-model"], ["no-such-model", "libma fetch"]),
        (["--set", "model.dtype=float23"], ["float23", "float32"]),
        (["--set", "evaluate.perplexity.0.protocol=papre"], ["papre", "paper"]),
        (["--set", "find.sequences=many"], ["find.sequences", "expected an integer", "'many'"]),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(config, tmp_path, arguments, parts):
    done = run(config(), *arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(part in done.stderr for part in parts), done.stderr
    assert files_below(tmp_path / "out") == []


def test_damaged_model_files_are_one_line_and_leave_no_file(config, tmp_path):
    truncated = tmp_path / "truncated.gguf"
    truncated.write_bytes(b"GGUF" + (3).to_bytes(4, "little") + (7).to_bytes(8, "little"))
    lying = tmp_path / "lying"
    lying.mkdir()
    (lying / "config.json").write_text(json.dumps({"model_type": "llama"}))
    header = json.dumps({"x": {"dtype": "F32", "shape": [1000], "data_offsets": [0, 4000]}}).encode()
    (lying / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 8)
    for model in (truncated, lying):
        done = run(config(model=model))
        assert done.returncode == 2, done.stderr
        assert len(done.stderr.strip().splitlines()) == 1 and str(model) in done.stderr
        assert files_below(tmp_path / "out") == []
