"""libma against the recorded pass of a third program: minGPT's `gpt-nano`, trained to sort (a GPT-2 of three blocks)."""

import base64
import json

import pytest

pytest.importorskip("safetensors")

import torch
from safetensors.torch import save_file

import libma as ma

CONFIG = {
    "model_type": "gpt2",
    "n_layer": 3,
    "n_head": 3,
    "n_embd": 48,
    "vocab_size": 3,
    "n_positions": 11,
    "activation_function": "gelu_new",
    "tie_word_embeddings": False,
}
OURS = {
    "tok_emb": "embed",
    "pos_emb": "pos_embed",
    "x": "blocks.0.resid_pre",
    "q": "blocks.0.attn.q",
    "k": "blocks.0.attn.k",
    "v": "blocks.0.attn.v",
    "att": "blocks.0.attn.attn_scores",
    "attSm": "blocks.0.attn.pattern",
    "y": "blocks.0.attn.z",
    "yProj": "blocks.0.attn_out",
    "attnResid": "blocks.0.resid_mid",
    "fc": "blocks.0.mlp.pre",
    "gelu": "blocks.0.mlp.post",
    "mlp": "blocks.0.mlp_out",
    "block0": "blocks.0.resid_post",
    "block1": "blocks.1.resid_post",
    "block2": "blocks.2.resid_post",
    "lm_head": "logits",
}
HEADS_FIRST = ("q", "k", "v")  # [batch, head, pos, d_head]


def decode(entry):
    values = torch.frombuffer(bytearray(base64.b64decode(entry["data"])), dtype=torch.float32)
    return values.view(entry["shape"]).clone()


@pytest.fixture
def gpt_nano(reference_data, tmp_path):
    stored = json.loads(reference_data("models/gpt-nano-sort/gpt-nano-sort-model.json").read_text())
    weights = {}
    for name, entry in stored.items():
        if name != "config":
            is_linear = ".c_" in name and name.endswith("weight")  # minGPT has [out, in], GPT-2's files [in, out]
            weights[name] = decode(entry).t().contiguous() if is_linear else decode(entry)
    save_file(weights, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    return ma.load_model(tmp_path, device="cpu")


def test_every_recorded_activation_is_met(gpt_nano, reference_data):
    recorded = json.loads(reference_data("models/gpt-nano-sort/gpt-nano-sort-t0-partials.json").read_text())
    ids = decode(recorded["idx"]).to(torch.int64)
    _, cache = gpt_nano.run_with_cache(ids, list(OURS.values()))
    for theirs, ours in OURS.items():
        expected = decode(recorded[theirs])
        if theirs in HEADS_FIRST:
            expected = expected.transpose(1, 2)
        found = cache[ours].flatten(expected.dim() - 1)  # theirs joins the heads of y
        torch.testing.assert_close(
            found, expected.expand_as(found), rtol=1e-5, atol=1e-5, msg=lambda text, ours=ours: f"{ours}: {text}"
        )
