"""The parity harness of vision models itself, with transformers alone: its activations are what their names say."""

import pytest

pytest.importorskip("transformers")

import torch
from torch.nn.functional import conv2d, interpolate, linear
from vision_families import CONFIGURATIONS, FAMILIES, N_CLASSES, random_pixels
from vision_reference import image_sizes, load_reference, run_output, run_reference
from vision_watch import backbone, layout_of, vision_config

pytestmark = pytest.mark.usefixtures("one_thread")

BATCH = 2
EXACT = {"rtol": 0, "atol": 1e-12}
BLOCK = {
    *("resid_pre", "ln1.scale", "ln1.normalized", "attn.q", "attn.k", "attn.v", "attn.attn_scores", "attn.pattern"),
    *("attn.z", "attn_out", "resid_mid", "ln2.scale", "ln2.normalized", "mlp.pre", "mlp.post", "mlp_out", "resid_post"),
}
STEM = {"embed", "pos_embed", "ln_final.scale", "ln_final.normalized"}
N_PREFIX = {"deit": 2, "siglip": 0, "siglip_vision_model": 0}  # tokens before the patches; elsewhere 1 and registers
ANTIALIASED = ("dinov2_with_registers",)


class Run:
    """A reference model in float64 and its activations for images of every size."""

    def __init__(self, folder, dtype=torch.float64):
        self.model = load_reference(folder, dtype)
        self.config = vision_config(self.model.config)
        self.layout = layout_of(self.model.config)
        self.backbone = backbone(self.model)
        self.pixels = {
            name: random_pixels(BATCH, self.config.num_channels, size) for name, size in image_sizes(self.model).items()
        }
        self.references = {name: run_reference(self.model, pixels) for name, pixels in self.pixels.items()}
        self.layers = range(self.config.num_hidden_layers)
        self.n_prefix = N_PREFIX.get(self.config.model_type, 1) + getattr(self.config, "num_register_tokens", 0)

    def __iter__(self):
        return ((self.pixels[name], reference) for name, reference in self.references.items())

    def parameter(self, *parts):
        """The one parameter of the embeddings whose name has one of `parts`; None where there is none."""
        named = dict(self.backbone.get_submodule("embeddings").named_parameters())
        found = [value for name, value in named.items() if any(part in name for part in parts)]
        return found[0] if found else None

    def grid(self, pixels):
        """Patches [down, across]."""
        patch = self.config.patch_size
        height, width = (patch, patch) if isinstance(patch, int) else patch
        return pixels.shape[-2] // height, pixels.shape[-1] // width

    def norm(self, module, ours, kept):
        norm = self.backbone.get_submodule(module)
        return kept[ours + ".normalized"] * norm.weight + norm.bias


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids="-".join)
def run(request, vision_folder):
    return Run(vision_folder(*request.param))


def test_every_name_is_there_with_its_shape(run):
    for pixels, reference in run:
        kept = reference.kept
        down, across = run.grid(pixels)
        stream = (BATCH, run.n_prefix + down * across, run.config.hidden_size)
        heads = run.config.num_attention_heads
        blocks = BLOCK | ({"mlp.pre_linear"} if run.layout.up else set())
        stem = STEM | ({"embed.ln.scale", "embed.ln.normalized"} if run.layout.embed_ln else set())
        named = {f"blocks.{layer}.{name}" for layer in run.layers for name in blocks} | stem
        assert set(kept) - {"pooled", "projected", "logits"} == named
        for name, x in kept.items():
            if name.endswith(("resid_pre", "resid_mid", "resid_post", "_out", "normalized", "embed")):
                assert x.shape == stream, name
            elif name.endswith((".q", ".k", ".v", ".z")):
                assert x.shape == (*stream[:2], heads, stream[2] // heads), name
            elif name.endswith(("pattern", "attn_scores")):
                assert x.shape == (BATCH, heads, stream[1], stream[1]), name
            elif name.endswith("scale"):
                assert x.shape == (*stream[:2], 1), name
            elif ".mlp." in name:
                assert x.shape[:2] == stream[:2] and x.shape == kept["blocks.0.mlp.pre"].shape, name
        assert reference.features.shape == stream
        assert "logits" not in kept or kept["logits"].shape == (BATCH, N_CLASSES)
        assert all(x.dtype == torch.float64 for x in kept.values())


def test_tokens_are_prefix_then_patches_by_row(run):
    for pixels, reference in run:
        weight, bias = run.parameter("projection.weight", "patch_embedding.weight"), run.parameter(".bias")
        patches = conv2d(pixels.double(), weight, bias, stride=weight.shape[-2:])
        down, across = run.grid(pixels)
        ours = reference.kept["embed"][:, run.n_prefix :].unflatten(1, (down, across))
        torch.testing.assert_close(ours, patches.permute(0, 2, 3, 1), **EXACT)
        tokens = [run.parameter(name) for name in ("cls_token", "class_embedding", "distillation", "register_tokens")]
        for row, token in enumerate(torch.cat([t.view(-1, run.config.hidden_size) for t in tokens if t is not None])
                                    if run.n_prefix else []):  # fmt: skip
            assert torch.equal(reference.kept["embed"][:, row], token.expand(BATCH, -1))


def test_positions_are_bicubic_in_float64(run):
    """Half-pixel centres, a = -0.75; registers have none, and their model alone is antialiased, with a = -0.5."""
    table = run.parameter("position").view(-1, run.config.hidden_size)
    n_registers = getattr(run.config, "num_register_tokens", 0)
    n_tokens = run.n_prefix - n_registers
    for pixels, reference in run:
        down, across = run.grid(pixels)
        patches = table[n_tokens:]
        if run.config.image_size in (pixels.shape[-1], list(pixels.shape[-2:])):
            resized = patches
        else:
            side = round(len(patches) ** 0.5)
            square = patches.view(1, side, side, -1).permute(0, 3, 1, 2)
            antialias = run.config.model_type in ANTIALIASED
            resized = interpolate(square, (down, across), mode="bicubic", align_corners=False, antialias=antialias)
            resized = resized[0].permute(1, 2, 0).flatten(0, 1)
        expected = torch.cat([table[:n_tokens], table.new_zeros(n_registers, table.shape[1]), resized])
        assert torch.equal(reference.kept["pos_embed"][0], reference.kept["pos_embed"][1])
        torch.testing.assert_close(reference.kept["pos_embed"][0], expected, **EXACT)


def test_the_stream_is_the_sum_of_what_is_added(run):
    for _pixels, reference in run:
        kept = reference.kept
        stream = kept["embed"] + kept["pos_embed"]
        if run.layout.embed_ln:
            stream = run.norm(run.layout.embed_ln, "embed.ln", kept)
        for layer in run.layers:
            ours = f"blocks.{layer}."
            torch.testing.assert_close(kept[ours + "resid_pre"], stream, **EXACT)
            middle = stream + kept[ours + "attn_out"]
            torch.testing.assert_close(kept[ours + "resid_mid"], middle, **EXACT)
            stream = kept[ours + "resid_mid"] + kept[ours + "mlp_out"]
            torch.testing.assert_close(kept[ours + "resid_post"], stream, **EXACT)


def test_attention_is_that_of_its_queries_keys_and_values(run):
    for _pixels, reference in run:
        for layer in run.layers:
            block = {name: reference.kept[f"blocks.{layer}.{name}"] for name in BLOCK}
            theirs = run.layout.block.format(layer)
            x = run.norm(f"{theirs}.{run.layout.ln1}", f"blocks.{layer}.ln1", reference.kept)
            for part in "qkv":
                projection = run.backbone.get_submodule(f"{theirs}.{run.layout.attention}.{part}_proj")
                expected = linear(x, projection.weight, projection.bias)
                torch.testing.assert_close(block[f"attn.{part}"].flatten(2), expected, **EXACT)
            torch.testing.assert_close(block["attn.pattern"], block["attn.attn_scores"].softmax(dim=-1), **EXACT)
            assert (block["attn.pattern"].sum(dim=-1) - 1).abs().max() < 1e-14
            z = torch.einsum("bhqk,bkhd->bqhd", block["attn.pattern"], block["attn.v"])
            torch.testing.assert_close(block["attn.z"], z, **EXACT)


def test_layer_scale_is_in_what_is_added(run):
    if not run.layout.scale1:
        pytest.skip("no layer scale")
    kept = run.references["native"].kept
    for layer in run.layers:
        block = run.backbone.get_submodule(run.layout.block.format(layer))
        out, down = block.attention.o_proj, block.get_submodule(run.layout.down)
        attn_out = linear(kept[f"blocks.{layer}.attn.z"].flatten(2), out.weight, out.bias) * block.layer_scale1.lambda1
        torch.testing.assert_close(kept[f"blocks.{layer}.attn_out"], attn_out, **EXACT)
        mlp_out = linear(kept[f"blocks.{layer}.mlp.post"], down.weight, down.bias) * block.layer_scale2.lambda1
        torch.testing.assert_close(kept[f"blocks.{layer}.mlp_out"], mlp_out, **EXACT)


def test_features_and_pooled_are_transformers_own(run):
    for pixels, reference in run:
        output, kept = reference.output, reference.kept
        last = getattr(output, "last_hidden_state", None)
        if last is not None:
            is_clip = run.layout.ln_final == "post_layernorm" and run.layout.embed_ln
            expected = kept[f"blocks.{run.layers[-1]}.resid_post"] if is_clip else reference.features
            torch.testing.assert_close(last, expected, **EXACT)
        pooled = getattr(output, "pooler_output", None)
        if pooled is not None:
            torch.testing.assert_close(kept.get("projected", kept["pooled"]), pooled, **EXACT)
        assert torch.equal(_first(run_output(run.model, pixels)), _first(output))


def _first(output):
    return next(x for x in output.values() if isinstance(x, torch.Tensor))


def test_heads_read_what_is_pooled(run):
    for _pixels, reference in run:
        kept = reference.kept
        if "projected" in kept:
            expected = linear(kept["pooled"], run.model.visual_projection.weight)
            torch.testing.assert_close(kept["projected"], expected, **EXACT)
        if "logits" not in kept:
            continue
        if hasattr(run.model, "classifier"):
            weight, bias = run.model.classifier.weight, run.model.classifier.bias
        else:  # DeiT's two heads, each on its own token
            heads = run.model.cls_classifier, run.model.distillation_classifier
            weight = torch.cat([head.weight for head in heads], dim=1) / 2
            bias = sum(head.bias for head in heads) / 2
        torch.testing.assert_close(kept["logits"], linear(kept["pooled"], weight, bias), **EXACT)


def test_no_vector_is_constant(run):
    neutral = [name for name, p in run.model.named_parameters() if (p == p.flatten()[0]).all() and p.numel() > 1]
    assert neutral == []


@pytest.mark.parametrize("model_type", FAMILIES)
def test_float64_differs_from_float32_by_rounding(model_type, vision_folder):
    folder = vision_folder(model_type, next(iter(FAMILIES[model_type])))
    exact, rounded = Run(folder), Run(folder, torch.float32)
    for size in exact.references:
        ours, theirs = exact.references[size].kept, rounded.references[size].kept
        error = max((ours[name] - theirs[name]).abs().max().item() for name in ours)
        assert 1e-7 < error < 1e-3


@pytest.mark.parametrize("model_type", FAMILIES)
def test_eager_and_fused_attention_agree(model_type, vision_folder):
    folder = vision_folder(model_type, next(iter(FAMILIES[model_type])))
    pixels = random_pixels(BATCH, 3, (24, 24))
    eager, fused = (run_output(load_reference(folder, torch.float32, kind), pixels) for kind in ("eager", "sdpa"))
    torch.testing.assert_close(_first(eager), _first(fused), rtol=0, atol=1e-4)
