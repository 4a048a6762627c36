"""libma against transformers on tiny random vision checkpoints: every activation, both attentions, every image size."""

import functools
import json
import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch
from hf_reference import first_difference, rounding_ratio
from libma_vision import OUTPUTS, Libma
from safetensors.torch import save_file
from vision_families import CONFIGURATIONS, FAMILIES, SIZES, random_pixels
from vision_reference import image_sizes, load_reference, run_reference
from vision_watch import vision_config

import libma as ma

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH = 3
MODELS = Path(__file__).resolve().parents[2] / "libma" / "models"


class Case:
    """A checkpoint, and what transformers makes of images of every size that it takes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.load = functools.cache(functools.partial(load_reference, folder))
        config = vision_config(self.load(torch.float32).config)
        sizes = image_sizes(self.load(torch.float32))
        self.pixels = {name: random_pixels(BATCH, config.num_channels, size) for name, size in sizes.items()}

    @functools.cache  # noqa: B019  (a case lives as long as its module's fixtures)
    def reference(self, dtype: torch.dtype, size: str) -> dict[str, torch.Tensor]:
        """By hook name, and the outputs as `output.<name>`."""
        reference = run_reference(self.load(dtype), self.pixels[size])
        outputs = {f"output.{name}": reference.kept[name] for name in OUTPUTS if name in reference.kept}
        return {**reference.kept, **outputs, "output.features": reference.features}


@pytest.fixture(scope="module")
def is_known(tmp_path_factory):
    """Whether libma has a `model_type` in its list of vision architectures."""

    @functools.cache
    def ask(model_type: str) -> bool:
        folder = tmp_path_factory.mktemp(model_type)
        (folder / "config.json").write_text(json.dumps({"model_type": model_type}))
        save_file({"unused": torch.zeros(1)}, folder / "model.safetensors")
        try:
            ma.load_vision_model(folder, device="cpu")
        except ma.Error as error:  # the configuration lacks the rest
            return "no architecture named" not in str(error)
        raise AssertionError("a model of one unused tensor was loaded")

    return ask


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids="-".join)
def case(request, is_known, vision_folder):
    model_type, name = request.param
    if not is_known(model_type):
        pytest.skip(f"libma does not know the model_type '{model_type}'")
    return Case(vision_folder(model_type, name))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_activation_equals_transformers(case, dtype, size):
    if size not in case.pixels:
        pytest.skip("the class takes images of its native size only")
    reference = case.reference(dtype, size)
    libma = Libma(case.folder, dtype)
    assert {name for name in reference if not name.startswith("output.")} <= set(libma.names)
    outputs = [name for name in reference if name.startswith("output.")]
    explicit, output = libma.run(case.pixels[size], libma.names)
    assert set(outputs) <= set(explicit)
    assert first_difference(explicit, reference, [*libma.names, *outputs], dtype) is None
    fused_names = [name for name in libma.names if not name.endswith(("attn_scores", "pattern"))]
    fused, _ = libma.run(case.pixels[size], fused_names)
    assert first_difference(fused, reference, [*fused_names, *outputs], dtype) is None
    assert (getattr(output, "logits", None) is None) == ("logits" not in reference)


def test_bfloat16_rounds_no_more_than_transformers(case):
    pixels = random_pixels(16, case.pixels["native"].shape[1], tuple(case.pixels["native"].shape[-2:]))
    pixels = pixels.to(torch.bfloat16).float()
    model = load_reference(case.folder, torch.bfloat16)
    theirs = run_reference(model, pixels).features
    exact = run_reference(model.double(), pixels).features  # the same rounded weights
    _, output = Libma(case.folder, torch.bfloat16).run(pixels, [])
    assert rounding_ratio(output.features, theirs, exact) < 1.25


def test_images_of_a_batch_do_not_meet(case):
    libma = Libma(case.folder, torch.float64)
    for pixels in case.pixels.values():
        together, _ = libma.run(pixels, [])
        for i in range(BATCH):
            alone, _ = libma.run(pixels[i : i + 1], [])
            for name, x in alone.items():
                torch.testing.assert_close(together[name][i : i + 1], x, rtol=0, atol=1e-9)


def test_every_vision_architecture_is_compared(is_known):
    """Prints which file reads which model_type (`pytest -s`)."""
    sources = {path: "".join(path.read_text().split()) for path in sorted(MODELS.glob("*.cpp"))}
    table = {
        model_type: [
            f"libma/models/{path.name}"
            for path, text in sources.items()
            if re.search(rf'\badd\w*\("{model_type}"', text)
        ]
        for model_type in FAMILIES
        if is_known(model_type)
    }
    print("\n" + "\n".join(f"{model_type} -> {', '.join(files)}" for model_type, files in table.items()))
    assert all(table.values())
