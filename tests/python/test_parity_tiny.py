"""libma against transformers on tiny random checkpoints: every activation, both attentions, four dtypes, padding."""

import pytest

pytest.importorskip("transformers")

import torch
from checkpoints import POSITIONS, VOCAB, write_gpt2, write_llama
from hf_reference import first_difference, load_reference, rounding_ratio, run_reference

import libma as ma

LENGTH = 24


def rope(rule, **settings):
    return {"rope_parameters": {"rope_type": rule, "rope_theta": 10000.0, **settings}}


LLAMA = {
    "grouped": {},
    "multi_head": {"num_key_value_heads": 4},
    "multi_query": {"num_key_value_heads": 1},
    "wide_heads": {"head_dim": 12},
    "attention_bias": {"attention_bias": True},
    "mlp_bias": {"mlp_bias": True},
    "tied": {"tie_word_embeddings": True},
    "gelu": {"hidden_act": "gelu_pytorch_tanh"},
    "eps": {"rms_norm_eps": 0.1},
    "sharded": {"shard_size": "10KB"},
    "theta": rope("default", rope_theta=500.0),
    "linear": rope("linear", factor=3.0),
    "dynamic_short": rope("dynamic", factor=3.0),
    "dynamic_long": {**rope("dynamic", factor=3.0), "max_position_embeddings": 17},
    "yarn": rope("yarn", factor=4.0, original_max_position_embeddings=16),
    "yarn_settings": rope(
        "yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=0.5, truncate=False
    ),
    "yarn_attention_factor": rope("yarn", factor=4.0, original_max_position_embeddings=16, attention_factor=1.3),
    "yarn_mscale": rope("yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=0.4),
    "llama3": rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
    ),
    "longrope_short": rope(
        "longrope",
        factor=2.0,
        original_max_position_embeddings=32,
        short_factor=[1.0, 1.1, 1.2, 1.3],
        long_factor=[2.0, 3.0, 4.0, 5.0],
    ),
    "longrope_long": rope(
        "longrope",
        factor=2.0,
        original_max_position_embeddings=16,
        short_factor=[1.0, 1.1, 1.2, 1.3],
        long_factor=[2.0, 3.0, 4.0, 5.0],
    ),
}
GPT2 = {
    "plain": {},
    "untied": {"tie_word_embeddings": False},
    "n_inner": {"n_inner": 40},
    "unscaled": {"scale_attn_weights": False},
    "eps": {"layer_norm_epsilon": 0.1},
    "sharded": {"shard_size": "10KB"},
    **{name: {"activation_function": name} for name in ("gelu", "gelu_fast", "gelu_pytorch_tanh", "relu", "silu")},
}
VARIANTS = [
    *(pytest.param((write_llama, changes), id=f"llama-{name}") for name, changes in LLAMA.items()),
    *(pytest.param((write_gpt2, changes), id=f"gpt2-{name}") for name, changes in GPT2.items()),
]


def random_ids(*shape, seed=1):
    return torch.randint(0, VOCAB, shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module", params=VARIANTS)
def folder(request, tmp_path_factory):
    write, changes = request.param
    return write(tmp_path_factory.mktemp("checkpoint"), **changes)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_activation_equals_transformers(folder, dtype):
    ids = random_ids(2, LENGTH)
    reference = run_reference(load_reference(folder, dtype), ids)
    model = ma.load_model(folder, device="cpu", dtype=dtype)
    names = model.hook_names()
    assert set(reference) <= set(names)
    _, explicit = model.run_with_cache(ids, names)
    assert first_difference(explicit, reference, names, dtype) is None
    fused_names = [name for name in names if not name.endswith(("attn_scores", "pattern"))]
    _, fused = model.run_with_cache(ids, fused_names)
    assert first_difference(fused, reference, fused_names, dtype) is None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_half_precision_rounds_no_more_than_transformers(folder, dtype):
    ids = random_ids(2, LENGTH)
    model = load_reference(folder, dtype, attention="sdpa")
    with torch.no_grad():
        theirs = model(ids).logits
        exact = model.double()(ids).logits  # the same rounded weights
    logits = ma.load_model(folder, device="cpu", dtype=dtype).forward(ids)
    assert rounding_ratio(logits, theirs, exact) < 1.25


@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_rows_equal_single_rows(folder, side):
    lengths = (LENGTH, 5, 17)
    rows = [random_ids(length, seed=length) for length in lengths]
    ids = torch.zeros(len(rows), LENGTH, dtype=torch.int64)
    mask = torch.zeros(len(rows), LENGTH, dtype=torch.bool)
    for i, row in enumerate(rows):
        columns = slice(LENGTH - len(row), LENGTH) if side == "left" else slice(0, len(row))
        ids[i, columns] = row
        mask[i, columns] = True
    model = ma.load_model(folder, device="cpu", dtype=torch.float64)
    logits = model.forward(ids, mask)
    for i, row in enumerate(rows):
        torch.testing.assert_close(logits[i, mask[i]], model.forward(row)[0], rtol=0, atol=1e-9)


def test_a_long_row_may_fill_all_positions(folder):
    ids = random_ids(1, POSITIONS)
    with torch.no_grad():
        reference = load_reference(folder, torch.float32)(ids).logits
    logits = ma.load_model(folder, device="cpu").forward(ids)
    torch.testing.assert_close(logits, reference, rtol=0, atol=5e-5 * max(1, reference.abs().max().item()))
