"""CLIP's text tower, its tokenizer and zero-shot classification, against transformers."""

import json
from contextlib import nullcontext

import numpy as np
import pytest

pytest.importorskip("transformers")
pytest.importorskip("PIL")

import torch
import transformers
from clip_folders import CLASSES, LENGTH, SENTENCES, TEMPLATES, framed, train_tokenizer, write_clip
from hf_float64 import float64_throughout, modeling_module
from PIL import Image
from random_texts import random_texts
from test_image_ablation import RECIPE
from vision_families import NATIVE, random_pixels

import libma as ma

TEXTS = [
    "a photo of a cat.",
    "Don't   SHOUT!\n\n37",
    "",
    "\u00c9t\u00e9 na\u00efve \u4e2d\u6587",
    "far too long " * 20,
]
VARIANTS = {"quick_gelu": {}, "gelu": {"hidden_act": "gelu", "layer_norm_eps": 0.1}}
BOUNDS = {torch.float64: 1e-9, torch.float32: 5e-5}

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module", params=VARIANTS)
def folder(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("clip") / request.param
    write_clip(path, VARIANTS[request.param])
    (path / "preprocessor_config.json").write_text(json.dumps(RECIPE))
    return path


@pytest.fixture(params=BOUNDS, ids=str)
def dtype(request):
    return request.param


def reference_of(folder, dtype):
    return transformers.CLIPModel.from_pretrained(folder, dtype=dtype, attn_implementation="eager").eval()


def precise(reference, dtype):
    """transformers computes the softmax in float32 otherwise."""
    return float64_throughout(modeling_module(reference)) if dtype == torch.float64 else nullcontext()


def close(ours, theirs, dtype):
    bound = BOUNDS[dtype] * max(1, theirs.abs().max().item())
    torch.testing.assert_close(ours, theirs, rtol=0, atol=bound)


def test_every_site_of_the_text_tower_equals_transformers(folder, dtype):
    ids = framed(transformers.CLIPTokenizer.from_pretrained(folder), TEXTS[:2])
    model = ma.load_model(folder, device="cpu", dtype=dtype)
    sites = ["blocks.*.resid_post", "blocks.*.attn.pattern", "ln_final.normalized"]
    logits, cache = model.run_with_cache(ids, sites)
    reference = reference_of(folder, dtype)
    with torch.no_grad(), precise(reference, dtype):
        output = reference.text_model(ids, output_hidden_states=True, output_attentions=True)
        embeddings = reference.text_projection(output.last_hidden_state)
    for layer in range(3):
        close(cache[f"blocks.{layer}.resid_post"], output.hidden_states[layer + 1], dtype)
        close(cache[f"blocks.{layer}.attn.pattern"], output.attentions[layer], dtype)
    norm = reference.text_model.final_layer_norm
    close(cache["ln_final.normalized"] * norm.weight.detach() + norm.bias.detach(), output.last_hidden_state, dtype)
    close(logits, embeddings, dtype)


def test_embeddings_are_those_at_the_end_of_each_text(folder, dtype):
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    ours = ma.embed_texts(ma.load_model(folder, device="cpu", dtype=dtype), TEXTS)
    for text, embedding in zip(TEXTS, ours, strict=True):  # one by one: without padding
        with torch.no_grad():
            output = reference_of(folder, dtype).get_text_features(framed(tokenizer, [text]))
        features = getattr(output, "pooler_output", output)[0]
        torch.testing.assert_close(embedding, features.float(), rtol=0, atol=5e-5 * max(1, features.abs().max().item()))


def test_a_text_does_not_see_the_padding_of_others(folder):
    text = ma.load_model(folder, device="cpu")
    site = "blocks.1.resid_post"
    edit = ma.make_intervention("set_value", site=site, select=ma.Selection.at([-1], [3]), value=7.0)
    with text.add_hook(site, edit):
        together = ma.embed_texts(text, TEXTS)
        alone = torch.cat([ma.embed_texts(text, [each]) for each in TEXTS])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)
    assert not torch.allclose(together, ma.embed_texts(text, TEXTS), atol=1e-2)


def test_many_texts_pass_in_turns(folder):
    text = ma.load_model(folder, device="cpu")
    texts = [f"number {i}" for i in range(70)]
    late = ma.embed_texts(text, texts)[66:67]
    torch.testing.assert_close(late, ma.embed_texts(text, texts[66:67]), rtol=0, atol=1e-4)


def test_cosines_with_prompts_are_the_scores_of_transformers(folder, dtype):
    tokenizer = transformers.CLIPTokenizer.from_pretrained(folder)
    vision = ma.load_vision_model(folder, device="cpu", dtype=dtype)
    text = ma.load_model(folder, device="cpu", dtype=dtype)
    pixels = random_pixels(3, 3, (NATIVE, NATIVE)).to(dtype)
    head = ma.prompt_head(text, vision, CLASSES, [TEMPLATES[0]])
    assert head.n_classes == len(CLASSES)
    prompts = [TEMPLATES[0].replace("{}", name.replace("_", " ")) for name in CLASSES]
    reference = reference_of(folder, dtype)
    with torch.no_grad():
        output = reference(input_ids=framed(tokenizer, prompts), pixel_values=pixels)
    expected = output.logits_per_image / reference.logit_scale.exp().detach()
    torch.testing.assert_close(head(vision.forward(pixels)), expected.float(), rtol=0, atol=1e-5)


def test_a_class_is_the_mean_of_its_prompts(folder):
    vision, text = ma.load_vision_model(folder, device="cpu"), ma.load_model(folder, device="cpu")
    output = vision.forward(random_pixels(3, 3, (NATIVE, NATIVE)))

    def unit(x):
        return x / np.linalg.norm(x, axis=-1, keepdims=True)

    prompts = [[t.replace("{}", c.replace("_", " ")) for t in TEMPLATES] for c in CLASSES]
    classes = unit(np.stack([unit(ma.embed_texts(text, each).numpy()).mean(axis=0) for each in prompts]))
    expected = unit(output.projected.numpy()) @ classes.T
    np.testing.assert_allclose(ma.prompt_head(text, vision, CLASSES, TEMPLATES)(output).numpy(), expected, atol=1e-5)


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Noise, three images a class."""
    root = tmp_path_factory.mktemp("photographs")
    generator = np.random.default_rng(0)
    for name in CLASSES:
        (root / name).mkdir()
        for i in range(3):
            noise = generator.integers(0, 256, (30, 40, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / name / f"{i}.png")
    return root


def test_zero_shot_accuracy_counts_the_classes_of_the_cosines(folder, photographs):
    vision, text = ma.load_vision_model(folder, device="cpu"), ma.load_model(folder, device="cpu")
    images = ma.ImageSet(photographs)
    head = ma.prompt_head(text, vision, images.classes, TEMPLATES)
    table, _ = ma.evaluate_images(vision, [ma.Condition("original")], images, metrics=["top"], head=head)
    classes = [
        head(vision.forward(ma.preprocess(Image.open(path), vision.recipe)[None])).argmax().item()
        for name in images.classes
        for path in sorted((photographs / name).iterdir())
    ]
    assert len(set(classes)) > 1  # or any head would score the same
    hits = [found == i // 3 for i, found in enumerate(classes)]
    assert table.rows[0][1].value == pytest.approx(100 * np.mean(hits))


def test_a_config_names_prompts(folder, photographs, tmp_path):
    config = {
        "experiment": "image_ablation",
        "model": {"name": str(folder), "device": "cpu"},
        "find": {"path": str(photographs)},
        "conditions": ["original"],
        "evaluate": [{"name": "noise", "path": str(photographs), "metrics": ["top"], "prompts": TEMPLATES}],
        "output": str(tmp_path / "results"),
    }
    (tmp_path / "config.yaml").write_text(json.dumps(config))
    assert ma.run_experiment("image_ablation", [str(tmp_path / "config.yaml"), "--quiet"]) == 0
    vision, text = ma.load_vision_model(folder, device="cpu"), ma.load_model(folder, device="cpu")
    images = ma.ImageSet(photographs)
    head = ma.prompt_head(text, vision, images.classes, TEMPLATES)
    table, _ = ma.evaluate_images(vision, [ma.Condition("original")], images, metrics=["top"], head=head)
    metrics = json.loads((tmp_path / "results" / "record.json").read_text())["metrics"]
    assert metrics[0]["value"] == pytest.approx(table.rows[0][1].value)


def test_ids_are_those_of_tokenizers(folder):
    reference = transformers.CLIPTokenizer.from_pretrained(folder)
    tokenizer = ma.load_model(folder, device="cpu").tokenizer
    assert (tokenizer.bos_id, tokenizer.eos_id) == (reference.bos_token_id, reference.eos_token_id)
    for text in [*SENTENCES[:3], *TEXTS, *random_texts(300, seed=5)]:
        expected = reference.backend_tokenizer.encode(text, add_special_tokens=False).ids
        assert tokenizer.encode(text).tolist() == expected, repr(text)


def test_a_vocabulary_without_an_ending_for_every_byte_falls_back_to_the_unknown_token(tmp_path):
    saved = train_tokenizer()
    saved.save_pretrained(tmp_path)
    file = tmp_path / "tokenizer.json"
    stages = json.loads(file.read_text())
    vocab = stages["model"]["vocab"]
    for token in ("z</w>", "q"):  # "jazz" ends with an unknown byte, "quiet" begins with one
        del vocab[token]
    stages["model"]["merges"] = [m for m in stages["model"]["merges"] if "q" not in m and "z</w>" not in m]
    stages["model"]["vocab"] = {token: i for i, token in enumerate(sorted(vocab, key=vocab.get))}
    ids = stages["model"]["vocab"]
    for token in stages["added_tokens"]:
        token["id"] = ids[token["content"]]
    file.write_text(json.dumps(stages))
    from tokenizers import Tokenizer

    reference = Tokenizer.from_file(str(file))
    tokenizer = ma.load_tokenizer(tmp_path)
    for text in ("jazz", "quiet", "a zz q qq z"):
        assert tokenizer.encode(text).tolist() == reference.encode(text, add_special_tokens=False).ids


def test_wrong_use_is_told_in_one_line(folder):
    vision, text = ma.load_vision_model(folder, device="cpu"), ma.load_model(folder, device="cpu")
    with pytest.raises(ma.ConfigError, match="has no {}"):
        ma.prompt_head(text, vision, CLASSES, ["a photo"])
    with pytest.raises(ma.ConfigError, match="there is none; give at least one template"):
        ma.prompt_head(text, vision, CLASSES, [])
    with pytest.raises(ma.ConfigError, match="predicts no tokens"):
        text.generate(["a photo"])
    with pytest.raises(ma.ShapeError, match="there is none to embed"):
        ma.embed_texts(text, [])
    with pytest.raises(ma.ShapeError, match=f"the model has {LENGTH} positions"):
        text.forward(torch.zeros(1, LENGTH + 1, dtype=torch.int64))
