"""libma against timm's vision transformers: every activation, both attentions, every image size that the model takes."""

import importlib.util

import pytest

pytest.importorskip("transformers")

import torch
from hf_reference import first_difference
from libma_vision import Libma
from timm_reference import CONFIGURATIONS, image_sizes, load_reference, run_reference, write
from vision_families import random_pixels

if importlib.util.find_spec("timm") is None:
    pytest.skip("timm is not installed", allow_module_level=True)
pytestmark = pytest.mark.usefixtures("one_thread")

BATCH = 2
OUTPUTS = ("features", "pooled", "logits")


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def case(request, tmp_path_factory):
    """A checkpoint and its name."""
    return write(tmp_path_factory.mktemp("timm"), request.param), request.param


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_activation_equals_timm(case, dtype):
    folder, name = case
    model = load_reference(folder, name, dtype)
    libma = Libma(folder, dtype)
    for size, shape in image_sizes(name).items():
        pixels = random_pixels(BATCH, 3, shape)
        reference = run_reference(model, pixels)
        outputs = [f"output.{output}" for output in OUTPUTS if output in reference]
        reference |= {f"output.{output}": reference[output] for output in OUTPUTS if output in reference}
        assert {site for site in reference if not site.startswith("output.")} - {"features"} <= set(libma.names)
        explicit, _ = libma.run(pixels, libma.names)
        assert first_difference(explicit, reference, [*libma.names, *outputs], dtype) is None, size
        fused_names = [site for site in libma.names if not site.endswith(("attn_scores", "pattern"))]
        fused, _ = libma.run(pixels, fused_names)
        assert first_difference(fused, reference, [*fused_names, *outputs], dtype) is None, size
