"""Generation against Hugging Face transformers' `generate`, with and without an edit, and its options from Python."""

import pytest

pytest.importorskip("transformers")

import checkpoints
import torch
from gguf_reference import load_gguf_llama
from hf_reference import load_reference

import libma as ma

PROMPTS = [[5, 17, 200, 31, 8], [99, 3], [250, 251, 7, 7, 60, 41, 12, 90, 33]]
TEXTS = ["The capital of France is", "Once upon a time, in a valley below the old town,"]
EDIT = {"select": ma.Selection.at([0], [3]), "value": 25.0}


@pytest.fixture(scope="module", params=["llama", "gpt2"])
def tiny(request, tmp_path_factory):
    """(libma's model, transformers' model) of one checkpoint, in float64."""
    folder = tmp_path_factory.mktemp(request.param)
    getattr(checkpoints, f"write_{request.param}")(folder)
    checkpoints.write_tokenizer(folder)
    return ma.load_model(folder, device="cpu", dtype="float64"), load_reference(folder, torch.float64)


def reference_ids(model, ids, n):
    """The greedy continuation of one prompt, from transformers."""
    model.generation_config.eos_token_id = None
    out = model.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False, max_new_tokens=n, pad_token_id=0
    )
    return out[0, len(ids) :].tolist()


def set_first_token(layer, dim, value):
    """Sets one number after a block of transformers' model while the prompt is read, as EDIT does."""

    def hook(_module, _inputs, output):
        stream = output[0] if isinstance(output, tuple) else output
        if stream.shape[1] > 1:
            stream[:, 0, dim] = value
        return output

    return layer.register_forward_hook(hook)


def blocks_of(model):
    return model.model.layers if hasattr(model, "model") else model.transformer.h


def test_greedy_ids_equal_transformers(tiny):
    ours, theirs = tiny
    made = ours.generate(PROMPTS, max_new_tokens=20)
    assert [each.ids for each in made] == [reference_ids(theirs, ids, 20) for ids in PROMPTS]
    assert {each.reason for each in made} == {"length"}


def test_greedy_ids_under_an_edit_equal_transformers_with_a_hook(tiny):
    ours, theirs = tiny
    edit = ma.make_intervention("set_value", site="blocks.0.resid_post", **EDIT)
    made = [each.ids for each in ours.generate(PROMPTS, max_new_tokens=20, edits=[edit])]
    handle = set_first_token(blocks_of(theirs)[0], 3, EDIT["value"])
    try:
        assert made == [reference_ids(theirs, ids, 20) for ids in PROMPTS]
    finally:
        handle.remove()
    assert made != [each.ids for each in ours.generate(PROMPTS, max_new_tokens=20)]
    assert edit.stats.edited == len(PROMPTS)


@pytest.mark.parametrize("zero", [False, True], ids=["original", "massive activation zero"])
def test_smollm2_writes_what_transformers_writes(smollm2_gguf, zero):
    ours = ma.load_model(smollm2_gguf, device="cpu")
    edits = []
    theirs = load_gguf_llama(smollm2_gguf, torch.float32)
    if zero:
        select = ma.Selection.at([0], [507])
        edits = [ma.make_intervention("set_value", site="blocks.11.resid_post", select=select, value=0.0)]
        set_first_token(theirs.model.layers[11], 507, 0.0)
    made = ours.generate(TEXTS, max_new_tokens=32, edits=edits)
    for text, each in zip(TEXTS, made, strict=True):
        expected = reference_ids(theirs, ours.tokenizer.encode(text).tolist(), 32)
        eos = ours.tokenizer.eos_id
        assert each.ids == expected[: expected.index(eos) + 1 if eos in expected else None]
        assert each.text == ours.tokenizer.decode(each.ids, skip_special=True)


def test_texts_and_their_ids_give_the_same(model):
    text = "the one and the other"
    [from_text] = model.generate([text], max_new_tokens=6)
    [from_ids] = model.generate([model.tokenizer.encode(text).tolist()], max_new_tokens=6)
    assert from_text.ids == from_ids.ids
    assert from_text.text == model.tokenizer.decode(from_text.ids)


def test_a_stop_string_ends_and_is_cut_off(model):
    [whole] = model.generate(["the"], max_new_tokens=12)
    stop = whole.text[3:6]
    [made] = model.generate(["the"], max_new_tokens=12, stop=[stop])
    assert made.text == whole.text[: whole.text.index(stop)]
    assert made.reason == "stop_string"
    assert len(made.ids) < len(whole.ids)


def test_samples_repeat_by_seed(model):
    def sample(seed):
        options = {"temperature": 1.0, "top_k": 50, "top_p": 0.9, "seed": seed, "max_new_tokens": 10}
        return [each.ids for each in model.generate(["the"] * 3, **options)]

    assert sample(1) == sample(1)
    assert sample(1) != sample(2)
    assert len({tuple(ids) for ids in sample(1)}) == 3


def test_hooks_see_the_prompt_and_then_each_new_token(model):
    seen = []

    def note(x, at):
        positions = at.batch.positions
        seen.append((list(x.shape), None if positions is None else positions.tolist()))
        return x

    with model.add_hook("blocks.0.attn.pattern", note):
        model.generate([[1, 2, 3]], max_new_tokens=3)
    assert seen == [([1, 4, 3, 3], None), ([1, 4, 1, 4], [[3]]), ([1, 4, 1, 5], [[4]])]
    seen.clear()
    with model.add_hook("blocks.0.attn.pattern", note):
        model.generate([[1, 2, 3]], max_new_tokens=3, use_cache=False)
    assert [shape for shape, _ in seen] == [[1, 4, 3, 3], [1, 4, 4, 4], [1, 4, 5, 5]]


def test_results_and_progress_are_reported_and_errors_travel(model):
    delivered, counts = {}, []
    made = model.generate(
        PROMPTS,
        max_new_tokens=4,
        on_generation=lambda index, each: delivered.update({index: each.ids}),
        progress=lambda stage, done, total: counts.append((stage, done, total)),
    )
    assert delivered == {i: each.ids for i, each in enumerate(made)}
    assert counts[-1] == ("generate", 3, 3)

    def fail(index, each):
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        model.generate(PROMPTS, max_new_tokens=4, on_generation=fail)
    assert [each.ids for each in model.generate(PROMPTS, max_new_tokens=4)] == [each.ids for each in made]


def test_wrong_options_are_refused(model):
    for options in (
        {"max_new_tokens": 0},
        {"max_new_tokens": 64},
        {"stop": [""]},
        {"temperature": -1.0},
        {"top_p": 0.0},
    ):
        with pytest.raises(ma.ConfigError, match=next(iter(options))):
            model.generate([[1]], **{"max_new_tokens": 2, **options})
    with pytest.raises(ma.ConfigError, match="prompt 1"):
        model.generate(["the", ""], max_new_tokens=2)
    with pytest.raises(ma.UnknownNameError, match="profile"):
        model.generate(["the"], max_new_tokens=2, profile="none")
    with pytest.raises(TypeError):
        model.generate(["the"], num_beams=4)
