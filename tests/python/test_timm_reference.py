"""The parity harness of timm's vision transformers itself: its activations are what their names say, in float64."""

import json

import pytest

pytest.importorskip("transformers")
pytest.importorskip("safetensors")

import importlib.util

import torch
from timm_reference import CONFIGURATIONS, NATIVE, image_sizes, layout_of, load_reference, run_reference, write
from torch.nn.functional import interpolate, linear
from vision_families import random_pixels

if importlib.util.find_spec("timm") is None:
    pytest.skip("timm is not installed", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH = 2
EXACT = {"rtol": 0, "atol": 1e-12}


class Run:
    """A reference model in float64 and its activations for images of every size."""

    def __init__(self, folder, name):
        write(folder, name)
        self.folder = folder
        self.model = load_reference(folder, name, torch.float64)
        self.layout = layout_of(self.model)
        self.pixels = {size: random_pixels(BATCH, 3, shape) for size, shape in image_sizes(name).items()}
        self.kept = {size: run_reference(self.model, pixels) for size, pixels in self.pixels.items()}


@pytest.fixture(scope="module", params=CONFIGURATIONS)
def run(request, tmp_path_factory):
    return Run(tmp_path_factory.mktemp("timm"), request.param)


def test_the_stream_is_the_sum_of_what_is_added(run):
    for kept in run.kept.values():
        stream = kept["embed"] + kept["pos_embed"]
        if run.layout.embed_ln:
            stream = run.model.norm_pre(stream)
        for layer in range(len(run.model.blocks)):
            ours = f"blocks.{layer}."
            torch.testing.assert_close(kept[ours + "resid_pre"], stream, **EXACT)
            torch.testing.assert_close(kept[ours + "resid_mid"], stream + kept[ours + "attn_out"], **EXACT)
            stream = kept[ours + "resid_mid"] + kept[ours + "mlp_out"]
            torch.testing.assert_close(kept[ours + "resid_post"], stream, **EXACT)


def test_attention_and_mlp_are_made_of_their_parts(run):
    for kept in run.kept.values():
        for layer, module in enumerate(run.model.blocks):
            block = {name.removeprefix(f"blocks.{layer}."): x for name, x in kept.items()}
            torch.testing.assert_close(block["attn.pattern"], block["attn.attn_scores"].softmax(dim=-1), **EXACT)
            z = torch.einsum("bhqk,bkhd->bqhd", block["attn.pattern"], block["attn.v"])
            torch.testing.assert_close(block["attn.z"], z, **EXACT)
            out = module.ls1(linear(z.flatten(2), module.attn.proj.weight, module.attn.proj.bias))
            torch.testing.assert_close(block["attn_out"], out, **EXACT)
            post = module.mlp.act(block["mlp.pre"]) * block.get("mlp.pre_linear", 1)
            torch.testing.assert_close(block["mlp.post"], post, **EXACT)
            mlp_out = module.ls2(linear(post, module.mlp.fc2.weight, module.mlp.fc2.bias))
            torch.testing.assert_close(block["mlp_out"], mlp_out, **EXACT)


def test_positions_are_antialiased_bicubic_in_float64(run):
    n_prefix = 0 if run.model.no_embed_class else run.model.num_prefix_tokens
    n_silent = run.model.num_prefix_tokens - n_prefix
    table = run.model.pos_embed[0]
    for size, kept in run.kept.items():
        patches = table[n_prefix:]
        if size != "native":
            side = NATIVE // 6
            grid = [edge // 6 for edge in run.pixels[size].shape[-2:]]
            square = patches.view(1, side, side, -1).permute(0, 3, 1, 2)
            resized = interpolate(square, grid, mode="bicubic", antialias=True)
            patches = resized[0].permute(1, 2, 0).flatten(0, 1)
        expected = torch.cat([table.new_zeros(n_silent, table.shape[1]), table[:n_prefix], patches])
        torch.testing.assert_close(kept["pos_embed"][0], expected, **EXACT)


def test_the_head_reads_what_is_pooled(run):
    for size, kept in run.kept.items():
        with torch.no_grad():
            expected = run.model(run.pixels[size].double())
        torch.testing.assert_close(kept.get("logits", kept["pooled"]), expected, rtol=0, atol=1e-4)
        if run.layout.ln_final:
            normalized = kept["ln_final.normalized"] * run.model.norm.weight + run.model.norm.bias
            torch.testing.assert_close(kept["features"], normalized, **EXACT)
        else:
            assert torch.equal(kept["features"], kept[f"blocks.{len(run.model.blocks) - 1}.resid_post"])
        assert all(x.dtype == torch.float64 for x in kept.values())


def test_the_folder_is_timms_own(run):
    settings = json.loads((run.folder / "config.json").read_text())
    assert {"architecture", "num_features", "global_pool", "model_args", "pretrained_cfg"} <= set(settings)
    assert settings["num_features"] == run.model.embed_dim
