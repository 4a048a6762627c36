"""The parity harness itself, with transformers alone: what it calls an activation is that activation, in float64."""

import pytest

pytest.importorskip("transformers")

import torch
from families import CONFIGURATIONS, FAMILIES
from hf_layouts import clip_of, head_counts, head_width, layout_of
from hf_reference import load_reference, reference_hidden_states, run_reference
from torch.nn.functional import linear

pytestmark = pytest.mark.usefixtures("one_thread")

LENGTH = 24
EXACT = {"rtol": 0, "atol": 1e-12}
ALWAYS = {
    *("resid_pre", "attn.q", "attn.k", "attn.v", "attn.z", "attn.pattern", "attn_out", "mlp_out", "resid_post"),
}
ONE_PLUS_GAIN = ("gemma", "gemma2", "gemma3_text")


class Run:
    """A reference model in float64 and its activations."""

    def __init__(self, folder, dtype=torch.float64):
        self.model = load_reference(folder, dtype)
        self.config = self.model.config
        self.layout = layout_of(self.config)
        self.ids = torch.randint(0, self.config.vocab_size, (2, LENGTH), generator=torch.Generator().manual_seed(1))
        self.kept = run_reference(self.model, self.ids)
        self.layers = range(self.config.num_hidden_layers)

    def block(self, layer):
        """Activations of one block, without its prefix."""
        prefix = f"blocks.{layer}."
        return {name.removeprefix(prefix): x for name, x in self.kept.items() if name.startswith(prefix)}

    def norm(self, module, ours):
        """A norm's output by hand, from what the harness kept of it."""
        return self.affine(self.model.get_submodule(module), self.kept[ours + ".normalized"])

    def affine(self, norm, normalized):
        gain, bias = getattr(norm, "weight", None), getattr(norm, "bias", None)
        if gain is not None:
            normalized = normalized * (1 + gain if self.config.model_type in ONE_PLUS_GAIN else gain)
        return normalized if bias is None else normalized + bias


@pytest.fixture(scope="module", params=CONFIGURATIONS, ids="-".join)
def run(request, family_folder):
    return Run(family_folder(*request.param))


def test_every_block_has_every_name(run):
    blocks = [set(run.block(layer)) for layer in run.layers]
    assert all(names == blocks[0] for names in blocks)
    assert blocks[0] >= ALWAYS
    assert ("resid_mid" in blocks[0]) == bool(run.layout.mid)
    assert ("attn.rot_q" in blocks[0]) == ("attn.rot_k" in blocks[0]) == run.layout.has_rotary
    mlp = {"mlp.router_logits", "mlp.expert_weights"} if run.layout.router else {"mlp.pre", "mlp.post"}
    assert {name for name in blocks[0] if name.startswith("mlp.")} - {"mlp.pre_linear"} == mlp


def test_shapes_have_heads(run):
    heads, kv_heads = head_counts(run.config)
    width = head_width(run.config)
    for layer in run.layers:
        block = run.block(layer)
        for name in ("attn.q", "attn.rot_q", "attn.z"):
            assert name not in block or block[name].shape == (2, LENGTH, heads, width)
        for name in ("attn.k", "attn.rot_k", "attn.v"):
            assert name not in block or block[name].shape == (2, LENGTH, kv_heads, width)
        assert block["attn.pattern"].shape == (2, heads, LENGTH, LENGTH)
        assert block["mlp_out"].shape == block["resid_post"].shape == (2, LENGTH, run.config.hidden_size)


def test_the_stream_starts_with_the_embedding(run):
    start = run.kept["embed"] + run.kept.get("pos_embed", 0)
    if run.layout.embed_ln:
        start = run.norm(run.layout.embed_ln, "embed.ln")
    torch.testing.assert_close(run.kept["blocks.0.resid_pre"], start, **EXACT)


def test_the_streams_are_transformers_hidden_states(run):
    hidden = reference_hidden_states(run.model, run.ids)
    for layer in run.layers:
        torch.testing.assert_close(run.kept[f"blocks.{layer}.resid_pre"], hidden[layer], **EXACT)
        if layer > 0:
            assert torch.equal(run.kept[f"blocks.{layer}.resid_pre"], run.kept[f"blocks.{layer - 1}.resid_post"])


def test_the_stream_is_the_sum_of_what_is_added(run):
    for layer in run.layers:
        block, theirs = run.block(layer), run.layout.block.format(layer) + "."
        before, middle = block["resid_pre"], block.get("resid_mid")
        if getattr(run.config, "apply_residual_connection_post_layernorm", False):
            before = run.norm(theirs + run.layout.ln1, f"blocks.{layer}.ln1")
        middle_sum = before + block["attn_out"]
        if not getattr(run.config, "do_layer_norm_before", True):
            middle_sum = run.model.get_submodule(theirs + "self_attn_layer_norm")(middle_sum)
        if middle is not None:
            torch.testing.assert_close(middle, middle_sum, **EXACT)
        if getattr(run.config, "apply_residual_connection_post_layernorm", False):
            middle_sum = run.norm(theirs + run.layout.ln2, f"blocks.{layer}.ln2")
        after = middle_sum + block["mlp_out"]
        if not getattr(run.config, "do_layer_norm_before", True):
            after = run.model.get_submodule(theirs + "final_layer_norm")(after)
        torch.testing.assert_close(block["resid_post"], after, **EXACT)


def test_z_is_the_pattern_times_the_values(run):
    heads, kv_heads = head_counts(run.config)
    for layer in run.layers:
        block = run.block(layer)
        values = block["attn.v"].repeat_interleave(heads // kv_heads, dim=2)
        z = torch.einsum("bhqk,bkhd->bqhd", block["attn.pattern"], values)
        torch.testing.assert_close(block["attn.z"], z, **EXACT)


def test_patterns_are_float64_softmaxes_of_the_scores(run):
    """log(pattern) is scale * q.k + slope * key + a constant a row; scale and slope are fitted to one row a head."""
    heads, kv_heads = head_counts(run.config)
    for layer in run.layers:
        block = run.block(layer)
        q, k = block.get("attn.rot_q", block["attn.q"]), block.get("attn.rot_k", block["attn.k"])
        scores = torch.einsum("bqhd,bkhd->bhqk", q, k.repeat_interleave(heads // kv_heads, dim=2))
        cap = getattr(run.config, "attn_logit_softcapping", None) if run.config.model_type == "gemma2" else None
        if cap:
            scores = cap * torch.tanh(scores * run.config.query_pre_attn_scalar**-0.5 / cap)
        for head in range(heads):
            _check_softmax(scores[:, head], block["attn.pattern"][:, head], run.config)


def _check_softmax(scores, pattern, config):
    visible = pattern > 0
    assert (pattern.sum(dim=-1) - 1).abs().max() < 1e-14
    keys = torch.arange(LENGTH, dtype=torch.float64).expand_as(scores)
    if config.model_type == "falcon" and config.alibi:
        keys = (_bfloat16_slope(pattern, scores, config) * keys).to(torch.bfloat16).double()
    columns = torch.stack([scores, keys], dim=-1)[visible]
    rows = torch.arange(2 * LENGTH).view(2, LENGTH, 1).expand_as(scores)[visible]
    design = torch.cat([columns, torch.nn.functional.one_hot(rows).double()], dim=1)
    target = pattern[visible].log()
    solution = torch.linalg.lstsq(design, target.unsqueeze(1)).solution
    assert (design @ solution - target.unsqueeze(1)).abs().max() < 1e-10


def _bfloat16_slope(pattern, scores, config):
    """Falcon's slope of a head, from the second row: log(p1 / p0) = (s1 - s0 + slope) / sqrt(d_head)."""
    ratio = (pattern[0, 1, 1] / pattern[0, 1, 0]).log() * head_width(config) ** 0.5
    return (ratio - scores[0, 1, 1] + scores[0, 1, 0]).to(torch.bfloat16)


def test_the_last_norm_is_float64(run):
    if not run.layout.ln_final:
        pytest.skip("no norm after the blocks")
    x = run.norm(run.layout.ln_final, "ln_final")
    if run.config.model_type == "opt" and run.model.model.decoder.project_out is not None:
        x = run.model.model.decoder.project_out(x)
    logits = run.model.lm_head(x)
    cap = getattr(run.config, "final_logit_softcapping", None)
    logits = cap * torch.tanh(logits / cap) if cap else logits
    torch.testing.assert_close(run.kept["logits"], logits, **EXACT)


def test_queries_come_from_the_first_norm(run):
    if not run.layout.ln1 or len(run.layout.qkv) == 1 or clip_of(run.config):
        pytest.skip("no norm before attention, or a projection that is not the queries' alone")
    for layer in run.layers:
        theirs = run.layout.block.format(layer) + "."
        x = run.norm(theirs + run.layout.ln1, f"blocks.{layer}.ln1")
        projection = run.model.get_submodule(theirs + run.layout.qkv[0])
        q = linear(x, projection.weight, projection.bias)
        torch.testing.assert_close(run.kept[f"blocks.{layer}.attn.q"].flatten(2), q, **EXACT)


def test_expert_weights_sum_to_one(run):
    if not run.layout.router:
        pytest.skip("no experts")
    for layer in run.layers:
        weights = run.block(layer)["mlp.expert_weights"]
        assert (weights.sum(dim=-1) - 1).abs().max() < 1e-14
        assert ((weights > 0).sum(dim=-1) == run.config.num_experts_per_tok).all()


@pytest.mark.parametrize("model_type", FAMILIES)
def test_float64_differs_from_float32_by_rounding(model_type, family_folder):
    folder = family_folder(model_type, next(iter(FAMILIES[model_type])))
    exact, rounded = Run(folder).kept, Run(folder, torch.float32).kept
    assert all(x.dtype == torch.float64 for x in exact.values())
    error = max((exact[name] - rounded[name]).abs().max().item() for name in exact)
    assert 1e-7 < error < 1e-3


def test_falcons_mended_alibi_is_its_fused_one(family_folder):
    folder = family_folder("falcon", "alibi_six_heads")
    ids = torch.randint(0, 264, (2, LENGTH), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        eager, fused = (load_reference(folder, torch.float32, kind)(ids).logits for kind in ("eager", "sdpa"))
    torch.testing.assert_close(eager, fused, rtol=0, atol=1e-4)
