"""GGUF files of every architecture against the Hugging Face folders they were converted from: every activation."""

import re
from pathlib import Path

import pytest

pytest.importorskip("transformers")
pytest.importorskip("gguf")

import checkpoints
import torch
from families import FAMILIES
from family_bases import VOCAB, Settings, rope
from gguf import MODEL_ARCH_NAMES, GGMLQuantizationType
from gguf.quants import dequantize, quantize
from gguf_families import LAYOUTS, convert
from hf_reference import first_difference
from safetensors.torch import load_file, save_file

import libma as ma

pytestmark = pytest.mark.usefixtures("one_thread")


def pick(model_type: str, *names: str, **changes: object) -> dict[str, Settings]:
    """Forms of `FAMILIES`, each with `changes`."""
    return {name: {**FAMILIES[model_type][name], **changes} for name in names}


def _longrope(factors: int = 4, original: int = 4, **settings: object) -> Settings:
    """256 positions; instead of 4 they scale cos and sin by 2, which float32 metadata hold exactly."""
    return {
        **rope(
            "longrope",
            original_max_position_embeddings=original,
            short_factor=[1.0 + 0.5 * i for i in range(factors)],
            long_factor=[2.0 + i for i in range(factors)],
            **settings,
        ),
        "original_max_position_embeddings": original,
        "max_position_embeddings": 256,
    }


MODELS = Path(__file__).resolve().parents[2] / "libma" / "models"
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
SCALE_OF_WIDTH = {"query_pre_attn_scalar": 8}  # d_model / n_heads, what files of models with narrow heads imply
WIDE_HEADS = {"head_dim": 256, "query_pre_attn_scalar": 256}
# Forms that a GGUF file can tell: no other activation than the family's, no window where llama.cpp has none.
FORMS: dict[str, dict[str, Settings]] = {
    "llama": {
        **pick("llama", "grouped", "multi_head", "multi_query", "wide_heads", "attention_bias", "mlp_bias", "tied"),
        **pick("llama", "theta", "linear", "yarn"),
        "yarn_settings": rope(  # corrected from dim 1 to 3; by default from 0 to 2
            "yarn",
            rope_theta=500.0,
            factor=4.0,
            original_max_position_embeddings=64,
            beta_fast=1.5,
            beta_slow=0.25,
            attention_factor=1.25,
        ),
        "llama3": rope("llama3", original_max_position_embeddings=32, **LLAMA3),  # divisors 1 and 8
    },
    "mistral": pick("mistral", "full", "wide_heads_window", sliding_window=None),
    "mixtral": pick("mixtral", "two_of_four", "one_of_four", "three_of_eight", "wide_heads"),
    "qwen2": pick("qwen2", "full", "multi_query", "tied", "yarn"),
    "qwen3": pick("qwen3", "full", "wide_heads", "tied"),
    "phi": pick("phi", "half_rotary", "quarter_rotary", "full_rotary", intermediate_size=128),
    "phi3": {
        **pick("phi3", "multi_head", "grouped", "window", "half_rotary", "tied"),
        "longrope_long": _longrope(),
        "longrope_short": _longrope(original=256),
        "longrope_half_rotary": _longrope(2, partial_rotary_factor=0.5),
    },
    "gpt2": pick("gpt2", "plain", "untied"),
    "falcon": pick("falcon", "seven_b", "two_norms", "two_norms_multi_head", "one_norm", "untied", bias=False),
    "mpt": pick("mpt", "plain", "clip", "three_heads", "six_heads", "untied"),
    "bloom": pick("bloom", "plain", "three_heads", "untied"),
    "gpt_neox": pick("gpt_neox", "parallel", "sequential", "half_rotary", "full_rotary", "no_attention_bias"),
    "gemma": pick("gemma", "wide_heads", "narrow_heads", "multi_query"),
    "gemma2": {"narrow_heads": SCALE_OF_WIDTH, "wide_heads": WIDE_HEADS, "four_layers": {"num_hidden_layers": 4}},
    "gemma3_text": pick("gemma3_text", "every_sixth_full", "two_bases", "linear", "final_soft_cap"),
    "olmo": pick("olmo", "multi_head", "clip", "grouped", "tied"),
    "olmo2": pick("olmo2", "multi_head", "grouped", "tied"),
    "stablelm": pick(
        "stablelm", "quarter_rotary", "qkv_bias", "grouped", "qk_layernorm", "qk_layernorm_grouped", "parallel"
    )
    | pick("stablelm", "full_rotary"),
    "starcoder2": pick("starcoder2", "grouped", "no_bias", "multi_query", "untied"),
}
for family in ("mistral", "qwen2", "qwen3", "phi3", "olmo", "olmo2", "starcoder2"):
    FORMS[family]["theta"] = rope(rope_theta=500.0)
FORMS["gemma2"]["four_layers"] |= SCALE_OF_WIDTH
for name, form in FORMS["gemma3_text"].items():
    form |= {"layer_types": None, "num_hidden_layers": 6, **(WIDE_HEADS if name == "linear" else SCALE_OF_WIDTH)}


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Writes a checkpoint of transformers, its norms' gains rounded so that 1 more is exact in float32."""

    def write(model_type: str, **changes: object):
        folder = checkpoints.write(tmp_path_factory.mktemp(model_type) / "hf", model_type, **changes)
        change_weights(folder, lambda values: values if values.dim() > 1 else values.mul(1024).round().div(1024))
        return folder

    return write


def change_weights(folder, change):
    tensors = load_file(folder / "model.safetensors")
    save_file({name: change(values) for name, values in tensors.items()}, folder / "model.safetensors")


def difference(folder, file, dtype=torch.float64):
    """One line on the first activation in which the file's model differs from the folder's; None when none does."""
    ids = torch.randint(0, VOCAB, (2, 24), generator=torch.Generator().manual_seed(1))
    activations = []
    for path in (file, folder):
        model = ma.load_model(path, device="cpu", dtype=torch.float64)
        names = [name for name in model.hook_names() if not name.endswith("attn_scores")]  # infinite where masked
        logits, cache = model.run_with_cache(ids, names)
        activations.append({**dict(cache.items()), "output": logits})
    assert activations[0].keys() == activations[1].keys()
    return first_difference(*activations, list(activations[1]), dtype)


@pytest.mark.parametrize(
    ("model_type", "name"), [(model_type, name) for model_type, forms in FORMS.items() for name in forms]
)
def test_every_activation_equals_the_folders(folder_of, model_type, name):
    folder = folder_of(model_type, **FORMS[model_type][name])
    assert difference(folder, convert(folder, folder / "model.gguf")) is None


def test_every_architecture_that_has_a_format_is_compared():
    sources = "".join(path.read_text() for path in MODELS.glob("*.cpp"))
    known = re.findall(r'\.gguf = \{\s*\{"(\w+)"', sources)
    assert set(known) == {MODEL_ARCH_NAMES[LAYOUTS[model_type].arch] for model_type in FORMS}


def test_divisors_between_the_bands_differ_by_rounding_alone(folder_of):
    """They are float32 in the file; transformers rounds the frequencies."""
    folder = folder_of("llama", **rope("llama3", original_max_position_embeddings=16, **LLAMA3))
    assert difference(folder, convert(folder, folder / "model.gguf"), torch.float32) is None


def test_quantised_weights_equal_rounded_ones(folder_of):
    folder = folder_of("llama", intermediate_size=64)
    file = convert(folder, folder / "model.gguf", encoding=GGMLQuantizationType.Q8_0)
    assert "embed" in difference(folder, file)
    change_weights(folder, rounded_to_q8)
    assert difference(folder, file) is None


def rounded_to_q8(values):
    if values.dim() == 1:
        return values
    kind = GGMLQuantizationType.Q8_0
    return torch.from_numpy(dequantize(quantize(values.numpy(), kind), kind).copy())


def split_experts(_metadata, tensors):
    """Mixtral as it was first converted: a tensor for each expert."""
    for name in [name for name in tensors if name.endswith("_exps.weight")]:
        for i, values in enumerate(tensors.pop(name)):
            tensors[name.replace("_exps.weight", f".{i}.weight")] = values


def join_qkv(_metadata, tensors):
    """Phi-2 as it was before it had a class of its own in transformers."""
    for name in [name for name in tensors if ".attn_q." in name]:
        parts = [tensors.pop(name.replace("attn_q", f"attn_{part}")) for part in "qkv"]
        tensors[name.replace("attn_q", "attn_qkv")] = torch.cat(parts)


def call_parallel(metadata, _tensors):
    """StableLM whose config.json says nothing."""
    metadata["use_parallel_residual"] = True


def scale_linear(metadata, _tensors):
    """The first spelling of linear scaling."""
    del metadata["rope.scaling.type"]
    metadata["rope.scale_linear"] = metadata.pop("rope.scaling.factor")


def leave_out_rule(metadata, _tensors):
    del metadata["rope.scaling.type"]


def copy_head(_metadata, tensors):
    """A tied output head that is stored all the same."""
    tensors["output.weight"] = tensors["token_embd.weight"]


@pytest.mark.parametrize(
    ("model_type", "changes", "edit"),
    [
        ("mixtral", {}, split_experts),
        ("phi", {"intermediate_size": 128}, join_qkv),
        ("stablelm", {}, call_parallel),
        ("llama", FAMILIES["llama"]["linear"], scale_linear),
        ("llama", FAMILIES["llama"]["linear"], leave_out_rule),
        ("gpt2", {}, copy_head),
    ],
)
def test_older_files_are_read(folder_of, model_type, changes, edit):
    folder = folder_of(model_type, **changes)
    assert difference(folder, convert(folder, folder / "model.gguf", edit)) is None


def test_gemma_2_has_its_window_without_the_key(folder_of):
    """Files from before the key was there."""
    one_head = {"num_hidden_layers": 1, "num_attention_heads": 1, "num_key_value_heads": 1, "query_pre_attn_scalar": 32}
    folder = folder_of("gemma2", **one_head, sliding_window=4096, max_position_embeddings=4100)
    file = convert(folder, folder / "model.gguf", lambda metadata, _tensors: metadata.pop("attention.sliding_window"))
    ids = torch.arange(4100) % VOCAB
    ours, theirs = (ma.load_model(path, device="cpu", dtype=torch.float64).forward(ids) for path in (file, folder))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)


def without_norm(_metadata, tensors):
    del tensors["blk.1.ffn_norm.weight"]


def with_stranger(_metadata, tensors):
    tensors["blk.0.stranger.weight"] = torch.zeros(3)


def with_narrow_norm(_metadata, tensors):
    tensors["output_norm.weight"] = torch.ones(31)


def with_narrow_query(_metadata, tensors):
    tensors["blk.0.attn_q.weight"] = torch.ones(31, 32)


def without_alibi(metadata, _tensors):
    metadata["attention.max_alibi_bias"] = 0.0


def with_window(metadata, _tensors):
    metadata["attention.sliding_window"] = 8


@pytest.mark.parametrize(
    ("model_type", "edit", "message"),
    [
        ("llama", without_norm, "the tensors do not fit the architecture 'llama': missing blk.1.ffn_norm.weight"),
        ("qwen2", with_stranger, "the tensors do not fit the architecture 'qwen2': unexpected blk.0.stranger.weight"),
        ("qwen3", with_narrow_norm, "output_norm.weight has 31 rows, expected 32"),
        ("llama", with_narrow_query, "blocks.{}.attn.qkv.weight has 63 rows, expected 64"),
        ("mpt", without_alibi, "'mpt.attention.max_alibi_bias' is 0.0; only 8 is supported"),
        ("olmo2", with_window, "'olmo2.attention.sliding_window' is 8; only 0 is supported"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_one_line(folder_of, model_type, edit, message):
    folder = folder_of(model_type)
    file = convert(folder, folder / "model.gguf", edit)
    with pytest.raises(ma.Error) as refused:
        ma.load_model(file, device="cpu")
    assert str(refused.value).endswith(message)
    assert "\n" not in str(refused.value)
