"""Fixtures of all Python tests: the package under test, a tiny LLaMA, and SmolLM2 where it has been fetched."""

import functools
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "python"

# The package of the build tree where there is one, else its pure-Python part.
sys.path.insert(0, str(BUILT if (BUILT / "libma" / "_build.py").exists() else ROOT / "bindings"))
sys.path.insert(0, str(ROOT / "scripts"))

os.environ.setdefault("HF_HUB_OFFLINE", "1")

REFERENCE = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    """A LLaMA of two blocks, d_model 32, 4 heads, 2 kv heads, byte-level tokenizer of 264 tokens, random weights."""
    checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")
    folder = checkpoints.write_llama(tmp_path_factory.mktemp("tiny"))
    checkpoints.write_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_vision_folder(tmp_path_factory):
    """A ViT of two blocks, d_model 32, 4 heads, images of 4 x 4 patches of 4 pixels, random weights."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    import torch

    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=16,
        patch_size=4,
    )
    folder = tmp_path_factory.mktemp("tiny_vision")
    transformers.ViTModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def family_folder(tmp_path_factory):
    """Writes the tiny checkpoint `families.FAMILIES[model_type][name]`, once."""
    checkpoints = pytest.importorskip("checkpoints", reason="transformers is not installed")
    from families import FAMILIES

    @functools.cache
    def write(model_type: str, name: str) -> Path:
        return checkpoints.write(tmp_path_factory.mktemp(model_type), model_type, **FAMILIES[model_type][name])

    return write


@pytest.fixture(scope="session")
def vision_folder(tmp_path_factory):
    """Writes the tiny checkpoint `vision_families.FAMILIES[model_type][name]`, once."""
    families = pytest.importorskip("vision_families", reason="transformers is not installed")

    @functools.cache
    def write(model_type: str, name: str) -> Path:
        return families.write(tmp_path_factory.mktemp(model_type), model_type, name)

    return write


@pytest.fixture(scope="module")
def one_thread():
    """For models of a few dozen dimensions, whose matrices are too small to share."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def model(tiny_folder):
    """The tiny LLaMA, loaded afresh for each test, so that no hook outlives it."""
    import libma as ma

    return ma.load_model(tiny_folder, device="cpu")


@pytest.fixture(scope="session")
def smollm2_gguf():
    """The GGUF file of SmolLM2-135M-Instruct in the cache of fetched models; skips without it."""
    from libma.cache import home_folder

    folder = home_folder() / "models" / "smollm2-135m-instruct"
    files = sorted(folder.glob("*.gguf"))
    if not files:
        pytest.skip(f"no model in {folder}; run `libma fetch smollm2-135m-instruct`")
    return files[0]


@pytest.fixture(scope="session")
def reference_data():
    """Path of a file of the optional reference data beside the checkout; skips without it."""

    def find(relative: str) -> Path:
        path = REFERENCE / relative
        if not path.exists():
            pytest.skip(f"reference data is absent: {relative}")
        return path

    return find


@pytest.fixture(scope="session")
def result_folder(tmp_path_factory):
    """Runs the experiment `result_folders.CONFIGS[name]` on tiny checkpoints, once; its output folder."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    if not (BUILT / "libma" / "_build.py").exists():
        pytest.skip("the extension module is not built")
    import result_folders

    inputs = result_folders.write_inputs(tmp_path_factory.mktemp("inputs"))

    @functools.cache
    def run(experiment: str) -> Path:
        return result_folders.run(experiment, inputs, tmp_path_factory.mktemp("results"))

    return run
