"""Super weights: a planted one is found, zeroing it is what zeroing the checkpoint's entry is, contributions add up."""

import contextlib
import math

import pytest
import torch

pytest.importorskip("checkpoints", reason="transformers is not installed")

from families import FAMILIES
from hf_float64 import float64_throughout, modeling_module
from planted import DIM, DOWN, LAYER, NEURON, WEIGHT, edited_copy, write
from safetensors.torch import load_file

import libma as ma

SITES = [
    f"blocks.*.{site}"
    for site in ("resid_pre", "attn_out", "mlp.pre", "mlp.pre_linear", "mlp.post", "mlp_out", "resid_post")
]
IDS = torch.tensor([[3, 14, 15, 92, 65, 35, 89], [79, 32, 38, 46, 26, 43, 38]])


def load(folder, dtype="float64"):
    return ma.load_model(folder, device="cpu", dtype=dtype)


@contextlib.contextmanager
def hooked(model, edits):
    with contextlib.ExitStack() as stack:
        for edit in edits:
            stack.enter_context(model.add_hook(edit))
        yield


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    return write(tmp_path_factory.mktemp("planted"))


def test_a_planted_super_weight_is_found(planted):
    model = load(planted)
    _, cache = model.run_with_cache(IDS, SITES)
    found = ma.find_super_weights(model, IDS, threshold=0.5, share=0.5)
    assert [weight.place for weight in found.weights] == [(LAYER, DIM, NEURON)]
    assert not found.has_more

    weight = found.weights[0]
    out = cache[f"blocks.{LAYER}.mlp_out"]
    at = out.abs().argmax().item()
    assert weight.peak.sequence == at // out[0].numel()
    assert weight.peak.position == at % out[0].numel() // out.shape[2]
    assert weight.peak.dim == at % out.shape[2] == DIM
    assert weight.peak.output == pytest.approx(out.flatten()[at].item(), rel=1e-12)
    assert weight.peak.token_id == IDS[weight.peak.sequence, weight.peak.position].item()
    post = cache[f"blocks.{LAYER}.mlp.post"][weight.peak.sequence, weight.peak.position]
    assert weight.input == pytest.approx(post[NEURON].item(), rel=1e-12)
    assert weight.is_largest_input == (post.abs().argmax().item() == NEURON)
    assert (weight.weight, weight.rank) == (WEIGHT, 1)
    assert weight.contribution == pytest.approx(WEIGHT * post[NEURON].item(), rel=1e-12)
    assert weight.share == pytest.approx(weight.contribution / weight.peak.output, rel=1e-12)
    stream = cache[f"blocks.{LAYER}.resid_post"]
    assert weight.peak.stream == pytest.approx(stream.abs().max().item(), rel=1e-12)
    assert weight.stream_without < 0.1 * weight.peak.stream

    assert [peak.is_spike for peak in found.peaks] == [False, True, False]
    for layer, peak in enumerate(found.peaks):
        largest = cache[f"blocks.{layer}.mlp_out"].abs().max().item()
        assert abs(peak.output) == pytest.approx(largest, rel=1e-12)
    assert found.output_threshold == 0.5 * abs(weight.peak.output)
    assert str(NEURON) in found.table().to_markdown()


def test_without_the_share_the_search_goes_on_to_its_limit(planted):
    found = ma.find_super_weights(load(planted), IDS, threshold=0.1, share=0, max_weights=3)
    assert len({weight.place for weight in found.weights}) == 3
    assert found.has_more


def test_the_unplanted_model_has_none(planted):
    model = load(planted.parent / "plain")
    assert ma.find_super_weights(model, IDS).weights == []


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_zeroing_is_what_a_zero_in_the_checkpoint_is(planted, tmp_path, dtype):
    entries = [(1, DIM, NEURON), (1, 3, NEURON), (2, 0, 0)]

    def zero(tensors):
        for layer, dim, neuron in entries:
            tensors[f"model.layers.{layer}.mlp.down_proj.weight"][dim, neuron] = 0

    model = load(planted, dtype)
    original = model.forward(IDS)
    expected = load(edited_copy(planted, tmp_path / "zeroed", zero), dtype).forward(IDS)
    edits = ma.zero_weights(model, entries)
    with hooked(model, edits):
        assert torch.equal(model.forward(IDS), expected)
    assert torch.equal(model.forward(IDS), original)
    assert not torch.allclose(original, expected)
    assert [edit.stats.edited for edit in edits] == [n * IDS.numel() for n in (1, 2, 1, 1)]


def test_transformers_agrees_on_the_zeroed_model(planted):
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForCausalLM.from_pretrained(planted, dtype=torch.float64)
    with torch.no_grad():
        theirs.get_parameter(DOWN)[DIM, NEURON] = 0
        with float64_throughout(modeling_module(theirs)):
            expected = theirs(IDS).logits
    model = load(planted)
    with hooked(model, ma.zero_weights(model, ma.find_super_weights(model, IDS, threshold=0.5, share=0.5))):
        torch.testing.assert_close(model.forward(IDS), expected, rtol=0, atol=1e-9)


# Biases, plain MLPs, norms behind the MLP, parallel halves, weights stored [in, out], norms of the stream.
LAYOUTS = [
    ("gpt2", "plain", "transformer.h.{}.mlp.c_proj.weight", True),
    ("gemma2", None, "model.layers.{}.mlp.down_proj.weight", False),
    ("olmo2", None, "model.layers.{}.mlp.down_proj.weight", False),
    ("phi", None, "model.layers.{}.mlp.fc2.weight", False),
    ("bloom", None, "transformer.h.{}.mlp.dense_4h_to_h.weight", False),
]


@pytest.mark.parametrize(("model_type", "name", "stored", "is_transposed"), LAYOUTS)
def test_zeroing_and_contributions_in_other_architectures(
    family_folder, tmp_path, model_type, name, stored, is_transposed
):
    folder = family_folder(model_type, name or next(iter(FAMILIES[model_type])))
    key = stored.format(1)

    def zero(tensors):
        tensors[key][(4, 2) if is_transposed else (2, 4)] = 0

    model = load(folder)
    ids = IDS % model.config.vocab
    expected = load(edited_copy(folder, tmp_path / "zeroed", zero)).forward(ids)
    assert not torch.allclose(model.forward(ids), expected, rtol=0, atol=1e-6)
    with hooked(model, ma.zero_weights(model, [(1, 2, 4)])):
        torch.testing.assert_close(model.forward(ids), expected, rtol=0, atol=1e-9)

    found = ma.write_contributions(model, ids, layer=1, dim=2, position=3)
    block = found.blocks[1]
    assert found.contributions.sum().item() + found.bias == pytest.approx(block.mlp, abs=1e-9)
    assert block.before + block.attention + block.mlp + block.rest == pytest.approx(block.after, abs=1e-12)


def test_two_edits_of_one_block_act_together(planted):
    model = load(planted)
    one, other = (LAYER, DIM, NEURON), (LAYER, 4, 9)
    with hooked(model, ma.zero_weights(model, [one, other])):
        expected = model.forward(IDS)
    with hooked(model, [*ma.zero_weights(model, [one]), *ma.zero_weights(model, [other])]):
        torch.testing.assert_close(model.forward(IDS), expected, rtol=0, atol=1e-9)


def test_contributions_are_the_terms_of_the_product(planted):
    model = load(planted)
    _, cache = model.run_with_cache(IDS, SITES)
    found = ma.write_contributions(model, IDS, layer=LAYER, dim=DIM, top=5)
    after = cache[f"blocks.{LAYER}.resid_post"][:, :, DIM]
    assert found.positions == after.abs().argmax(1).tolist()
    rows = range(2)
    post = cache[f"blocks.{LAYER}.mlp.post"][rows, found.positions]
    row = load_file(planted / "model.safetensors")[DOWN][DIM].double()
    expected = (post * row).mean(0)
    torch.testing.assert_close(found.contributions, expected, rtol=1e-12, atol=1e-12)
    order = expected.abs().argsort(descending=True)[:5]
    assert [neuron.neuron for neuron in found.neurons] == order.tolist()
    top = found.neurons[0]
    assert (top.neuron, top.weight) == (NEURON, WEIGHT)
    for site, value in [("post", top.post), ("pre", top.pre), ("pre_linear", top.pre_linear)]:
        seen = cache[f"blocks.{LAYER}.mlp.{site}"][rows, found.positions, NEURON].mean().item()
        assert value == pytest.approx(seen, rel=1e-12)
    mlp = cache[f"blocks.{LAYER}.mlp_out"][rows, found.positions, DIM].mean().item()
    assert top.share == pytest.approx(top.contribution / mlp, rel=1e-12)
    assert found.neurons[-1].cumulative_share == pytest.approx(expected[order].sum().item() / mlp, rel=1e-12)
    for layer, block in enumerate(found.blocks):
        for site, value in [
            ("resid_pre", block.before),
            ("attn_out", block.attention),
            ("mlp_out", block.mlp),
            ("resid_post", block.after),
        ]:
            seen = cache[f"blocks.{layer}.{site}"][rows, found.positions, DIM].mean().item()
            assert value == pytest.approx(seen, rel=1e-12, abs=1e-12)
        assert block.rest == pytest.approx(0, abs=1e-9)
    assert [block.step for block in found.blocks][LAYER] == 1


def test_a_given_position_and_small_passes_change_nothing_else(planted):
    model = load(planted)
    at_two = ma.write_contributions(model, IDS, layer=LAYER, dim=DIM, position=2)
    assert at_two.positions == [2, 2]
    one_by_one = [ma.write_contributions(model, row, layer=LAYER, dim=DIM, position=2) for row in IDS]
    mean = sum(each.contributions for each in one_by_one) / 2
    torch.testing.assert_close(at_two.contributions, mean, rtol=1e-12, atol=1e-12)


def test_a_mixture_has_blocks_but_no_neurons(family_folder):
    model = load(family_folder("mixtral", "two_of_four"))
    found = ma.write_contributions(model, IDS % model.config.vocab, layer=1, dim=2)
    assert found.neurons == [] and found.contributions is None and len(found.blocks) == model.config.n_layers
    with pytest.raises(ma.ConfigError, match="mixture"):
        ma.find_super_weights(model, IDS % model.config.vocab)
    with pytest.raises(ma.ConfigError, match="mixture"):
        ma.zero_weights(model, [(0, 0, 0)])


def test_mistakes_are_errors(planted):
    model = load(planted)
    for places in ([], [(3, 0, 0)], [(0, 32, 0)], [(0, 0, -1)]):
        with pytest.raises(ma.ConfigError):
            ma.zero_weights(model, places)
    for wrong in ({"threshold": -1}, {"share": math.nan}, {"max_weights": 0}):
        with pytest.raises(ma.ConfigError):
            ma.find_super_weights(model, IDS, **wrong)
    for wrong in ({"layer": 3}, {"dim": 32}, {"position": 7}):
        with pytest.raises(ma.ConfigError, match="there is no"):
            ma.write_contributions(model, IDS, **{"layer": 0, "dim": 0, **wrong})
    with pytest.raises(ma.ShapeError):
        ma.find_super_weights(model, torch.zeros(0, dtype=torch.int64))
    lone = ma.zero_weights(model, [(0, 0, 0)])[1]
    with model.add_hook(lone), pytest.raises(ma.ConfigError, match="both"):
        model.forward(IDS)
