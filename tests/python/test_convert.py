"""`libma convert`: every tensor of a pickled folder, every refusal, and llama2.c's formats against NumPy."""

import json
import os
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch")
safetensors_torch = pytest.importorskip("safetensors.torch")
transformers = pytest.importorskip("transformers")

import llama2c_reference as llama2c  # noqa: E402

from libma import FileError, convert  # noqa: E402
from libma.cli import main  # noqa: E402
from libma.llama2c_tokenizer import build_tokenizer, read_pieces  # noqa: E402

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
VERSIONS = (0, 1, 2)


def pickled(folder: Path, *shards: dict, **config) -> Path:
    """A folder with a config.json, some files beside it, and one pickle or several with their index."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", **config}))
    (folder / "vocab.json").write_text("{}")
    (folder / "training_args.bin").write_bytes(b"left alone")
    if len(shards) == 1:
        torch.save(shards[0], folder / "pytorch_model.bin")
        return folder
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        name = f"pytorch_model-{number:05}-of-{len(shards):05}.bin"
        torch.save(shard, folder / name)
        weight_map.update(dict.fromkeys(shard, name))
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def load(folder: Path) -> dict:
    tensors = {}
    for path in folder.glob("*.safetensors"):
        tensors.update(safetensors_torch.load_file(path))
    return tensors


def assert_same(found: dict, expected: dict) -> None:
    assert sorted(found) == sorted(expected)
    for name, tensor in expected.items():
        assert (found[name].dtype, found[name].shape) == (tensor.dtype, tensor.shape), name
        assert torch.equal(found[name], tensor), name


def refusal(capfd, *arguments: object) -> str:
    """The one line that the command ends with; its exit status is 2."""
    capfd.readouterr()
    assert main(["convert", *map(str, arguments)]) == 2
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("libma: ")]
    assert len(lines) == 1
    return lines[0]


def test_tensors_keep_their_values_and_dtypes(tmp_path):
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(6, 8, generator=generator)
    dtypes = (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
    tensors = {str(dtype): (10 * base).to(dtype) for dtype in dtypes}
    tensors |= {"transposed": base.t(), "every second": base[::2], "column": base[:, 3], "scalar": torch.tensor(3.5)}
    tensors |= {"empty": torch.empty(0, 4), "parameter": torch.nn.Parameter(base + 1)}
    target = convert(pickled(tmp_path / "a", OrderedDict(tensors)), tmp_path / "b")
    assert_same(load(target), tensors)
    assert sorted(path.name for path in target.iterdir()) == ["config.json", "model.safetensors", "vocab.json"]


def test_shards_become_shards_with_an_index(tmp_path):
    shards = [{f"layer.{i}.{j}": torch.full((3, 5), 10.0 * i + j) for j in range(2)} for i in range(3)]
    target = convert(pickled(tmp_path / "a", *shards), tmp_path / "b")
    assert_same(load(target), {name: tensor for shard in shards for name, tensor in shard.items()})
    index = json.loads((target / "model.safetensors.index.json").read_text())
    assert index["metadata"] == {"total_size": 6 * 15 * 4}
    assert index["weight_map"]["layer.1.0"] == "model-00002-of-00003.safetensors"
    for name, file in index["weight_map"].items():
        assert name in safetensors_torch.load_file(target / file)
    assert not (target / "pytorch_model.bin.index.json").exists()


@pytest.mark.parametrize("order", [("wte.weight", "lm_head.weight"), ("lm_head.weight", "wte.weight")])
@pytest.mark.parametrize(("config", "is_kept"), [({"tie_word_embeddings": True}, False), ({}, True)])
def test_a_shared_head_goes_only_where_the_configuration_ties_it(order, config, is_kept, tmp_path):
    shared = torch.randn(4, 4)
    target = convert(pickled(tmp_path / "a", dict.fromkeys(order, shared), **config), tmp_path / "b")
    assert_same(load(target), dict.fromkeys(("wte.weight", *(["lm_head.weight"] if is_kept else [])), shared))


def test_other_shared_tensors_are_kept(tmp_path):
    shared = torch.randn(4, 4)
    tensors = {"a": shared, "b": shared, "c": shared[1:], "lm_head.weight": shared.t()}
    target = convert(pickled(tmp_path / "a", tensors, tie_word_embeddings=True), tmp_path / "b")
    assert_same(load(target), tensors)


def test_a_tied_head_of_values_of_its_own_is_kept(tmp_path):
    tensors = {"wte.weight": torch.zeros(2, 2), "lm_head.weight": torch.ones(2, 2)}
    target = convert(pickled(tmp_path / "a", tensors, tie_word_embeddings=True), tmp_path / "b")
    assert_same(load(target), tensors)


def test_pickles_of_old_torch_are_read(tmp_path):
    tensors = {"a": torch.randn(3, 3)}
    folder = pickled(tmp_path / "a", tensors)
    torch.save(tensors, folder / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    assert_same(load(convert(folder, tmp_path / "b")), tensors)


class Evil:
    """Unpickling it makes a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return os.system, (f"touch {self._path}",)


@pytest.mark.parametrize("is_last_shard", [False, True])
def test_a_pickle_that_runs_code_is_refused_and_not_run(is_last_shard, tmp_path, capfd):
    bad = {"b": torch.zeros(2), "evil": Evil(tmp_path / "ran")}
    shards = [{"a": torch.zeros(2)}, bad] if is_last_shard else [bad]
    line = refusal(capfd, pickled(tmp_path / "a", *shards), tmp_path / "b")
    assert "posix.system" in line
    assert "was not run" in line
    assert [path.name for path in tmp_path.iterdir()] == ["a"]  # no file of Evil's, no half a folder


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": torch.zeros(2), "epoch": 3}, "'epoch': expected a tensor, got a int"),
        ([torch.zeros(2)], "holds a list"),
        ({"a": torch.zeros(2, 2).to_sparse()}, "expected a dense tensor"),
    ],
)
def test_what_is_no_state_dict_is_refused(content, message, tmp_path, capfd):
    assert message in refusal(capfd, pickled(tmp_path / "a", content), tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_damaged_files_are_refused(tmp_path, capfd):
    folder = pickled(tmp_path / "a", {"a": torch.zeros(1000)})
    whole = (folder / "pytorch_model.bin").read_bytes()
    for content in (whole[:1500], b"", b"nonsense", whole[:-400]):
        (folder / "pytorch_model.bin").write_bytes(content)
        assert "is damaged" in refusal(capfd, folder, tmp_path / "b")


def test_an_index_that_lies_is_refused(tmp_path, capfd):
    folder = pickled(tmp_path / "a", {"a": torch.zeros(2)}, {"b": torch.zeros(2)})
    index = folder / "pytorch_model.bin.index.json"
    text = index.read_text()
    index.write_text(text.replace('"b"', '"c"'))
    assert "says that 'c' is in pytorch_model-00002-of-00002.bin" in refusal(capfd, folder, tmp_path / "b")
    index.write_text(text.replace("00002-of-00002", "00003-of-00003"))
    assert "which is not there" in refusal(capfd, folder, tmp_path / "b")
    index.write_text(text.replace("pytorch_model-00002", "../pytorch_model-00002"))
    assert "expected the name of a file" in refusal(capfd, folder, tmp_path / "b")
    index.write_text("{}")
    assert "no weight_map" in refusal(capfd, folder, tmp_path / "b")


def test_a_tensor_in_two_shards_is_refused(tmp_path, capfd):
    folder = pickled(tmp_path / "a", {"a": torch.zeros(2), "b": torch.zeros(2)}, {"b": torch.ones(2)})
    assert "tensor 'b' is in two shards" in refusal(capfd, folder, tmp_path / "b")


def test_folders_without_pickles_are_refused(tmp_path, capfd):
    assert "does not exist" in refusal(capfd, tmp_path / "a", tmp_path / "b")
    folder = pickled(tmp_path / "a", {})
    (folder / "pytorch_model.bin").rename(folder / "model.pt")
    assert "it has model.pt, training_args.bin" in refusal(capfd, folder, tmp_path / "b")
    (folder / "config.json").unlink()
    assert "no config.json" in refusal(capfd, folder, tmp_path / "b")


def test_force_replaces_a_model_and_nothing_else(tmp_path, capfd):
    source = pickled(tmp_path / "a", {"a": torch.zeros(2)})
    target = convert(source, tmp_path / "b")
    (target / "stale.json").write_text("")
    assert "--force" in refusal(capfd, source, target)
    assert main(["convert", str(source), str(target), "--force"]) == 0
    assert not (target / "stale.json").exists()
    (source / "pytorch_model.bin").write_bytes(b"")
    refusal(capfd, source, target, "--force")
    assert_same(load(target), {"a": torch.zeros(2)})  # an error leaves the old one
    assert "holds what is to be converted" in refusal(capfd, source, tmp_path, "--force")
    (target / "config.json").unlink()
    assert "no model's folder" in refusal(capfd, source, target, "--force")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_one_line_says_that_safetensors_is_missing(tmp_path, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    assert "pip install safetensors" in refusal(capfd, tmp_path, tmp_path / "b")


def test_a_tokenizer_is_taken_under_any_name(tmp_path, capfd):
    source = pickled(tmp_path / "a", {"a": torch.zeros(2)})
    (tmp_path / "my.json").write_text('{"model": {}}')
    target = convert(source, tmp_path / "b", tokenizer=tmp_path / "my.json")
    assert (target / "tokenizer.json").read_text() == '{"model": {}}'
    (tmp_path / "my.json").write_text('{"vocab": {}}')
    assert "is no tokenizer.json" in refusal(capfd, source, tmp_path / "c", "--tokenizer", tmp_path / "my.json")
    assert "is no file" in refusal(capfd, source, tmp_path / "c", "--tokenizer", tmp_path / "none.json")


def test_memory_stays_at_one_shard(tmp_path):
    """Four shards of 48 MB, also of a torch that could not map them, raise the peak by less than two."""
    shards = [{f"w{i}": torch.zeros(12_000_000)} for i in range(4)]
    folder = pickled(tmp_path / "a", *shards)
    for i, path in enumerate(sorted(folder.glob("pytorch_model-*.bin"))):
        torch.save(shards[i], path, _use_new_zipfile_serialization=False)
    peaks = []
    for source in (pickled(tmp_path / "small", {"a": torch.zeros(2)}), folder):
        code = (
            "import sys, libma; libma.convert(*sys.argv[1:]); "
            "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", code, source, tmp_path / f"{source.name}-out"]
        result = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        peaks.append(int(result.stdout) / 1024)
    assert peaks[1] - peaks[0] < 70  # MB


@pytest.mark.parametrize("is_tied", [True, False])
@pytest.mark.parametrize("version", VERSIONS)
def test_llama2c_checkpoints_compute_the_same_in_transformers(version, is_tied, tmp_path):
    model = llama2c.random_model(is_tied)
    path = llama2c.write_checkpoint(model, tmp_path / "a.bin", version)
    if version == 2:  # compare with what the codes say
        for name, matrix in model.weights.items():
            if "norm" not in name:
                codes, scales = llama2c.quantise(matrix, 16)
                model.weights[name] = (codes.astype(np.float32) * scales).reshape(matrix.shape)
    target = convert(path, tmp_path / "b")
    theirs = transformers.LlamaForCausalLM.from_pretrained(target).eval()
    assert theirs.config.tie_word_embeddings == is_tied
    ids = [1, 7, 30, 2, 39, 7, 0, 11]
    with torch.no_grad():
        logits = theirs(torch.tensor([ids])).logits[0].numpy()
    expected, _ = llama2c.forward(model, ids)
    assert np.abs(logits - expected).max() < 2e-5 * np.abs(expected).max()


@pytest.mark.parametrize("version", VERSIONS)
def test_llama2c_checkpoints_of_another_size_are_refused(version, tmp_path, capfd):
    path = llama2c.write_checkpoint(llama2c.random_model(True), tmp_path / "a.bin", version)
    whole = path.read_bytes()
    for content in (whole[:-4], whole + b"\0\0\0\0"):
        path.write_bytes(content)
        assert f"(version {version}) its sizes ask for {len(whole):,} bytes" in refusal(capfd, path, tmp_path / "b")


def test_other_files_are_no_llama2c_checkpoints(tmp_path, capfd):
    path = tmp_path / "a.bin"
    for content in (b"", b"\0" * 300, b"some text that is long enough for a header of the legacy kind" * 9):
        path.write_bytes(content)
        assert "is no llama2.c checkpoint" in refusal(capfd, path, tmp_path / "b")
    torch.save({"a": torch.zeros(2)}, path)
    assert "is a pickle" in refusal(capfd, path, tmp_path / "b")
    path.write_bytes(b"24ka" + b"\7\0\0\0" + b"\1" * 300)
    assert "of version 7" in refusal(capfd, path, tmp_path / "b")


def test_llama2c_tokenizer_becomes_llama_2s_own_file():
    folder = SHARED / "tokenizers" / "llama2"
    if not folder.exists():
        pytest.skip(f"{folder} is absent")
    made = build_tokenizer(*read_pieces(folder / "tokenizer.llama2c.bin"))
    assert made == json.loads((folder / "tokenizer.json").read_text())


def test_bad_tokenizers_are_refused(tmp_path):
    with pytest.raises(FileError, match="holds 1 pieces|does not begin with"):
        (tmp_path / "t.bin").write_bytes(b"\7\0\0\0" + b"\0\0\0\0" + b"\1\0\0\0" + b"a")
        read_pieces(tmp_path / "t.bin")
    with pytest.raises(FileError, match="piece 0"):
        (tmp_path / "t.bin").write_bytes(b"\7\0\0\0" + b"\0\0\0\0" + b"\x40\0\0\0" + b"a")
        read_pieces(tmp_path / "t.bin")
