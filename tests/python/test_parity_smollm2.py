"""libma against transformers on SmolLM2-135M-Instruct, whose residual stream reaches 23,147, and against its record."""

import json
import statistics

import pytest

pytest.importorskip("transformers")
pytest.importorskip("gguf")

import torch
from gguf_reference import load_gguf_llama
from hf_float64 import float64_throughout, modeling_module
from hf_reference import first_difference, rounding_ratio

import libma as ma

TEXT = """The summer of the year was warm and the winter that came after it was cold. In the valley below the old town,
where the river turns towards the sea, a mill had stood for as long as anyone could remember. The miller kept two
horses, a dog, and a clock that was always seven minutes slow. "It is not slow," he used to say, "it is patient."

Each morning he opened the sluice, listened to the wheel take up its work, and wrote one line into a book: the height
of the water, the direction of the wind, and the number of sacks. He wrote 12, 9, 14, 11; he never wrote a reason. When
he died, his daughter found forty years of numbers and not a single word about himself, and yet, reading them, she knew
on which days he had been happy. She learned to read the wind from the margins and the floods from the missing pages.
"""
SUMMER = "Summer is warm. Winter is cold."


@pytest.fixture(scope="module")
def smollm2(smollm2_gguf):
    return ma.load_model(smollm2_gguf, device="cpu")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
def test_every_hidden_state_and_the_logits_equal_transformers(smollm2_gguf, dtype):
    model = ma.load_model(smollm2_gguf, device="cpu", dtype=dtype)
    ids = model.tokenizer.encode(TEXT).unsqueeze(0)
    assert ids.shape[1] > 200
    logits, cache = model.run_with_cache(ids, ["blocks.*.resid_post"])
    ours = {"logits": logits, **dict(cache.items())}
    names = [*cache, "logits"]
    del model

    reference = _run_transformers(load_gguf_llama(smollm2_gguf, dtype), ids)
    assert first_difference(ours, reference, names, dtype) is None
    assert reference["blocks.11.resid_post"].abs().max() > 10_000  # else the scale has nothing to forgive


def test_bfloat16_rounds_no_more_than_transformers(smollm2_gguf):
    model = ma.load_model(smollm2_gguf, device="cpu", dtype=torch.bfloat16)
    ids = model.tokenizer.encode(TEXT).unsqueeze(0)[:, :64]
    logits = model.forward(ids)
    del model
    reference = load_gguf_llama(smollm2_gguf, torch.bfloat16)
    with torch.no_grad():
        theirs = reference(ids, use_cache=False).logits
        exact = reference.double()(ids, use_cache=False).logits  # the same rounded weights
    assert rounding_ratio(logits, theirs, exact) < 1.25


def test_states_and_logits_equal_the_record(smollm2, reference_data):
    record = json.loads(reference_data("reference/smollm2/perplexity_and_states.json").read_text())
    model = smollm2
    ids = model.tokenizer.encode(SUMMER)
    assert ids.tolist() == record["summer_ids"]
    logits, cache = model.run_with_cache(ids, ["embed", "blocks.*.resid_post"])
    states = [cache[name][0] for name in cache]
    for state, expected in zip(states[:-1], record["summer_top"][:-1], strict=True):  # the record's last is normed
        assert state.abs().median().item() == pytest.approx(expected["median"], rel=1e-5)
        top = expected["top"][0]
        assert state[top["pos"], top["dim"]].item() == pytest.approx(top["value"], rel=1e-5)
        assert state.abs().max().item() == abs(state[top["pos"], top["dim"]].item())
    top_ids, top_logits = zip(*record["summer_logits_last_top5"], strict=True)
    assert logits[0, -1].topk(5).indices.tolist() == list(top_ids)
    assert logits[0, -1].topk(5).values.tolist() == pytest.approx(top_logits, rel=1e-5)


def test_losses_of_a_window_equal_the_record(smollm2, reference_data):
    record = json.loads(reference_data("reference/smollm2/perplexity_and_states.json").read_text())
    text = reference_data("text/wikitext2/wikitext2_raw_test_joined.txt").read_text(encoding="utf-8")
    model = smollm2
    ids = model.tokenizer.encode(text[:10_000])[:512].unsqueeze(0)
    assert ids[0, :32].tolist() == record["first_32_ids"]
    zero = ma.make_intervention("set_value", site="blocks.11.resid_post", select=ma.Selection.at([0], [507]), value=0.0)
    expected = record["windows"]["mean_nll_nats"]
    assert _mean_nll(model, ids) == pytest.approx(expected["original"][0], rel=1e-5)
    with model.add_hook(zero):
        assert _mean_nll(model, ids) == pytest.approx(expected["block11_zero"][0], rel=1e-5)
    assert _mean_nll(model, ids) == pytest.approx(expected["original"][0], rel=1e-5)


def _run_transformers(model, ids):
    """Hidden states by hook name; transformers gives the last one only after the final norm, so it is watched."""
    kept = {}
    handles = [
        layer.register_forward_hook(
            lambda _module, _inputs, output, name=f"blocks.{i}.resid_post": kept.update(
                {name: output[0] if isinstance(output, tuple) else output}
            )
        )
        for i, layer in enumerate(model.model.layers)
    ]
    with torch.no_grad():
        if model.dtype == torch.float64:
            with float64_throughout(modeling_module(model)):
                kept["logits"] = model(ids, use_cache=False).logits
        else:
            kept["logits"] = model(ids, use_cache=False).logits
    for handle in handles:
        handle.remove()
    return kept


def _mean_nll(model, ids):
    positions = torch.arange(ids.shape[1] - 1)
    stream = model.run_blocks(model.embed(ids), 0, model.config.n_layers, ids)
    nll = model.score(stream, positions, ids[0, 1:], ids).nll_nats
    return statistics.fmean(nll.tolist())
