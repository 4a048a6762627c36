"""The find_massive binary as a user runs it: one table of several models, resumption after `kill -9`, models that fail."""

import csv
import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "build" / "experiments" / "find_massive"
TABLES = ("table.csv", "sites.csv", "layers.csv", "magnitudes.csv")
CONFIG = """
experiment: find_massive
device: cpu
models:
  - {{name: {llama}, label: llama}}
  - {{name: {llama}, label: llama with BOS, bos: true, base: llama}}
  - {gpt2}
find: {{text: {text}, sequences: {sequences}, length: 16, magnitude: 0.01, ratio: 2}}
output: {output}
"""


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    if not BINARY.exists():
        pytest.skip("build/experiments/find_massive is not built")
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=300)


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline="")))


def errors_of(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("error: ")]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A tiny LLaMA with a BOS, a tiny GPT-2 of three blocks, and a text of 60,000 words."""
    folder = tmp_path_factory.mktemp("find_massive")
    llama = checkpoints.write_llama(folder / "llama", vocab_size=checkpoints.VOCAB)
    checkpoints.write_bos_tokenizer(llama)
    gpt2 = checkpoints.write_gpt2(folder / "gpt2", n_layer=3)
    checkpoints.write_tokenizer(gpt2)
    text = folder / "words.txt"
    text.write_text(" ".join(f"the rain in town {i % 977} on and on" for i in range(7500)))
    return llama, gpt2, text


@pytest.fixture
def config(inputs, tmp_path):
    """Writes the config with output to `tmp_path/out` and returns its path."""
    llama, gpt2, text = inputs

    def write(**changes: object) -> Path:
        path = tmp_path / "models.yaml"
        fields = {"llama": llama, "gpt2": gpt2, "text": text, "sequences": 4, "output": tmp_path / "out", **changes}
        path.write_text(CONFIG.format(**fields))
        return path

    return write


def test_writes_one_row_a_model_and_a_record_of_each(config, inputs, tmp_path):
    transformers = pytest.importorskip("transformers")
    done = run(config(), "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = rows_of(tmp_path / "out" / "table.csv")
    assert [row["model"] for row in rows] == ["llama", "llama with BOS", "gpt2"]
    assert [row["architecture"] for row in rows] == ["llama", "llama", "gpt2"]
    assert [row["blocks"] for row in rows] == ["2", "2", "3"]
    assert [row["BOS"] for row in rows] == ["no", "yes", "no"]
    for row, folder in zip(rows, (inputs[0], inputs[0], inputs[1]), strict=True):
        count = transformers.AutoModelForCausalLM.from_pretrained(folder).num_parameters()
        assert float(row["parameters (M)"]) * 1e6 == pytest.approx(count)
    layers = rows_of(tmp_path / "out" / "layers.csv")
    assert [row["model"] for row in layers] == ["llama"] * 2 + ["llama with BOS"] * 2 + ["gpt2"] * 3
    [pair] = rows_of(tmp_path / "out" / "pairs.csv")
    assert (pair["model"], pair["base"]) == ("llama with BOS", "llama")
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    models = record["details"]["models"]
    assert [model["profile"]["n_sequences"] for model in models] == [4, 4, 4]
    assert len(record["model_files"]) >= 4
    assert record["config"]["models"][0]["dtype"] == "float32"  # defaults are filled in
    assert "failed" not in rows[0]


def test_the_numbers_are_those_of_the_library(config, inputs, tmp_path):
    ma = pytest.importorskip("libma")
    assert run(config(), "--quiet").returncode == 0
    model = ma.load_model(inputs[1], device="cpu")
    sequences = ma.cut_sequences(model.tokenizer, [inputs[2].read_text()], sequences=4, length=16)
    profile = ma.find_massive(model, sequences, magnitude=0.01, ratio=2)
    row = rows_of(tmp_path / "out" / "table.csv")[2]
    peak = profile.layers[profile.sites[0].peak_layer]
    assert int(row["peak block (0-based)"]) == peak.layer
    assert float(row["top 1"]) == pytest.approx(peak.top[0], rel=1e-6)
    assert float(row["median"]) == pytest.approx(peak.median, rel=1e-6)
    assert int(row["massive dims"]) == len({site.dim for site in profile.sites})
    sites = [row for row in rows_of(tmp_path / "out" / "sites.csv") if row["model"] == "gpt2"]
    assert [int(row["dim"]) for row in sites] == [site.dim for site in profile.sites]
    assert [int(row["count"]) for row in sites] == [site.count for site in profile.sites]
    largest = rows_of(tmp_path / "out" / "magnitudes.csv")[2]
    assert [float(largest[f"top {i}"]) for i in range(1, 6)] == pytest.approx(list(peak.top), rel=1e-6)
    assert float(largest["top 1 %"]) == pytest.approx(peak.top_1_percent, rel=1e-6)


def test_python_gives_the_same_table_in_one_call(config, inputs, tmp_path):
    ma = pytest.importorskip("libma")
    assert run(config(), "--quiet").returncode == 0
    llama, gpt2, text = inputs
    models = [{"name": llama}, {"name": llama, "bos": True, "label": "llama with BOS"}, gpt2]
    options = {"device": "cpu", "sequences": 4, "length": 16, "magnitude": 0.01, "ratio": 2}
    table = ma.compare_models(models, str(text), **options)
    assert table.to_csv() == (tmp_path / "out" / "table.csv").read_bytes().decode()
    with pytest.raises(ma.ConfigError, match="has no 'name'"):
        ma.compare_models([{"label": "x"}], str(text))


def test_a_killed_run_continues_to_the_same_bytes(config, tmp_path):
    path = config(sequences=1500)
    assert run(path, "--output", tmp_path / "unbroken", "--quiet").returncode == 0
    broken = tmp_path / "broken"
    process = subprocess.Popen([BINARY, path, "--output", broken, "--quiet"])
    journal = broken / "journal.jsonl"
    deadline = time.monotonic() + 120
    while not (journal.exists() and len(journal.read_bytes().splitlines()) > 1):
        assert process.poll() is None and time.monotonic() < deadline, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (broken / "table.csv").exists()
    assert len(journal.read_bytes().splitlines()) < 4
    done = run(path, "--output", broken)
    assert done.returncode == 0, done.stderr
    assert "measured by an earlier run" in done.stderr
    assert json.loads((broken / "record.json").read_text())["resumed"] is True
    for name in TABLES:
        assert (broken / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()


def test_a_finished_model_is_measured_again_when_its_files_change(config, inputs, tmp_path):
    assert run(config(), "--quiet").returncode == 0
    settings = inputs[1] / "config.json"
    before = settings.read_text()
    try:
        settings.write_text(before + "\n")
        done = run(config())
    finally:
        settings.write_text(before)
    assert done.stderr.count("measured by an earlier run") == 2, done.stderr


def test_a_model_that_fails_does_not_keep_the_others_from_it(config, inputs, tmp_path):
    lying = tmp_path / "lying"
    lying.mkdir()
    (lying / "config.json").write_text(json.dumps({"model_type": "no_such_type"}))
    path = config(gpt2=f"no-such-model\n  - {{name: {lying}}}\n  - {inputs[1]}")
    done = run(path, "--quiet")
    assert done.returncode == 2
    first, second = errors_of(done)
    assert done.stderr == f"{first}\n{second}\n"
    assert "model 'no-such-model'" in first and "libma fetch no-such-model" in first
    assert "model 'lying'" in second
    rows = rows_of(tmp_path / "out" / "table.csv")
    assert [row["model"] for row in rows] == ["llama", "llama with BOS", "no-such-model", "lying", "gpt2"]
    assert rows[2]["failed"] in first and rows[2]["top 1"] == ""
    assert rows[4]["failed"] == "" and float(rows[4]["top 1"]) > 0
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["details"]["models"][2]["failure"] == rows[2]["failed"]


def test_dry_run_lists_all_problems_and_writes_nothing(config, inputs, tmp_path):
    done = run(config(), "--dry-run")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["find"]["sequences"] == 4
    assert "1/3 llama: float32, " in done.stderr and "3/3 gpt2: float32, " in done.stderr
    assert "/llama: llama, " in done.stderr and "parameters in float32" in done.stderr
    bare = checkpoints.write_gpt2(tmp_path / "bare")
    path = config(gpt2=f"no-such-model\n  - {bare}\n  - {{name: {inputs[1]}, label: long, length: 1000000}}")
    done = run(path, "--dry-run", "--quiet")
    assert done.returncode == 2
    missing, untokenised, too_long = errors_of(done)
    assert "libma fetch no-such-model" in missing
    assert "model 'bare'" in untokenised and "tokenizer" in untokenised
    assert "model 'long'" in too_long and "have only 0 sequences of 1000000 tokens" in too_long
    done = run(config(), "--dry-run", "--quiet", "--set", "find.text=no-such-text")
    [problem] = errors_of(done)
    assert "libma fetch no-such-text" in problem
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--set", "models.0.bso=true"], ["models.0.bso", "bos"]),
        (["--set", "find.lenght=16"], ["find.lenght", "length"]),
        (["--set", "models.0.dtype=float23"], ["float23", "float32"]),
        (["--set", "models.1.label=llama"], ["models.1", "the label 'llama' is taken"]),
        (["--set", "models.1.base=lama"], ["lama", "llama"]),
        (["--set", "models.0.bos=maybe"], ["models.0.bos", "'maybe'"]),
        (["--set", "models=[]"], ["models", "list at least one model"]),
        (["--set", "find.sequences=0"], ["find.sequences"]),
        (["--set", "find.text=no-such-text"], ["libma fetch no-such-text"]),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_file(config, tmp_path, arguments, parts):
    done = run(config(), *arguments, "--quiet")
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(part in done.stderr for part in parts), done.stderr
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_smollm2_has_its_massive_activation_with_and_without_bos(smollm2_gguf, tmp_path):
    text = smollm2_gguf.parents[2] / "texts" / "boolq_passages.jsonl"
    if not text.exists():
        pytest.skip("run `libma fetch boolq_passages`")
    path = ROOT / "configs" / "find_massive" / "smollm2.yaml"
    done = run(path, "--output", tmp_path, "--set", "find.sequences=2", "--set", "find.length=128", "--quiet")
    assert done.returncode == 0, done.stderr
    rows = rows_of(tmp_path / "table.csv")
    assert [row["BOS"] for row in rows] == ["no", "yes"]
    for row in rows:
        assert row["massive"] == "yes"
        assert row["dims"].split(", ")[0] == "507"
        assert row["first block (0-based)"] == "11"
        assert row["parameters (M)"] == "134.515008"
        assert "start" in row["token classes"]
    assert float(rows[0]["top 1"]) == pytest.approx(23_147, rel=0.1)
    assert float(rows[1]["top 1"]) == pytest.approx(24_926, rel=0.001)
