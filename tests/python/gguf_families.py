"""A Hugging Face folder as the GGUF file that llama.cpp's converter would make of it, without a tokenizer.

One entry of `LAYOUTS` per architecture says which metadata the converter writes and how it rearranges weights; names of
tensors come from the `gguf` package.
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from gguf import MODEL_ARCH, MODEL_ARCH_NAMES, GGMLQuantizationType, GGUFWriter, get_tensor_name_map
from gguf.quants import quantize
from safetensors.torch import load_file
from transformers import AutoConfig

Config = Any  # of the family's own class
Metadata = dict[str, Any]  # without the architecture's prefix
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Layout:
    """How the files of an architecture differ from Hugging Face folders."""

    arch: MODEL_ARCH
    metadata: Callable[[Config], Metadata]
    rearranged: Callable[[Tensors, Config], Tensors] = lambda tensors, _config: tensors
    extra: Callable[[Config], Tensors] = lambda _config: {}  # by their names in GGUF


def convert(
    folder: Path,
    path: Path,
    edit: Callable[[Metadata, Tensors], None] | None = None,
    encoding: GGMLQuantizationType = GGMLQuantizationType.F32,
) -> Path:
    """Writes `folder` to `path`, matrices in `encoding`; `edit` may change metadata and tensors in place before."""
    config = AutoConfig.from_pretrained(folder)
    layout = LAYOUTS[config.model_type]
    names = get_tensor_name_map(layout.arch, config.num_hidden_layers)
    stored = layout.rearranged(load_file(folder / "model.safetensors"), config)
    tensors = {_theirs(names, name): values for name, values in stored.items()} | layout.extra(config)
    metadata = layout.metadata(config)
    if edit:
        edit(metadata, tensors)
    writer = GGUFWriter(path, MODEL_ARCH_NAMES[layout.arch])
    for key, value in metadata.items():
        add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
        add[type(value)](f"{MODEL_ARCH_NAMES[layout.arch]}.{key}", value)
    for name, values in tensors.items():
        kind = encoding if values.dim() > 1 else GGMLQuantizationType.F32
        writer.add_tensor(name, quantize(values.float().contiguous().numpy(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _theirs(names: Any, name: str) -> str:
    found = names.get_name(name, try_suffixes=(".weight", ".bias"))
    assert found, f"GGUF has no name for {name}"
    return found


# Metadata.


def _sizes(c: Config, **changes: Any) -> Metadata:
    """What all converters write; None in `changes` leaves a key out."""
    values = {
        "block_count": c.num_hidden_layers,
        "context_length": changes.pop("context", None) or c.max_position_embeddings,
        "embedding_length": c.hidden_size,
        "feed_forward_length": changes.pop("d_mlp", None) or c.intermediate_size,
        "attention.head_count": c.num_attention_heads,
        "attention.head_count_kv": changes.pop("n_kv_heads", getattr(c, "num_key_value_heads", None)),
        **{key.replace("__", "."): value for key, value in changes.items()},
    }
    return {key: value for key, value in values.items() if value is not None}


def _layer_norm(c: Config) -> Metadata:
    found = (getattr(c, key, None) for key in ("layer_norm_eps", "layer_norm_epsilon", "norm_epsilon"))
    return {"attention.layer_norm_epsilon": next(eps for eps in found if eps is not None)}


def _rms_norm(c: Config) -> Metadata:
    return {"attention.layer_norm_rms_epsilon": c.rms_norm_eps}


def _head_dim(c: Config) -> Metadata:
    width = getattr(c, "head_dim", None)
    return {"attention.key_length": width, "attention.value_length": width} if width else {}


def _rope(c: Config) -> Metadata:
    """Base and scaling rule; those of Llama 3 and LongRoPE are tensors."""
    both = c.rope_parameters
    settings = both.get("full_attention", both)
    written: Metadata = {"rope.freq_base": settings["rope_theta"]}
    if "sliding_attention" in both:
        written["rope.freq_base_swa"] = both["sliding_attention"]["rope_theta"]
    if settings["rope_type"] in ("linear", "yarn"):
        written |= {"rope.scaling.type": settings["rope_type"], "rope.scaling.factor": settings["factor"]}
    names = {
        "original_max_position_embeddings": "original_context_length",
        "attention_factor": "yarn_attn_factor",
        "beta_fast": "yarn_beta_fast",
        "beta_slow": "yarn_beta_slow",
    }
    if settings["rope_type"] == "yarn":
        written |= {f"rope.scaling.{names[key]}": settings[key] for key in names if settings.get(key) is not None}
    return written


def _rotary_share(c: Config) -> Metadata:
    share = c.rope_parameters.get("partial_rotary_factor", 1.0)
    return {"rope.dimension_count": int(share * (c.hidden_size // c.num_attention_heads))}


def _common(c: Config) -> Metadata:
    """Converters without keys of their own."""
    norm = _rms_norm if hasattr(c, "rms_norm_eps") else _layer_norm
    written = _sizes(c) | norm(c) | _head_dim(c) | _rope(c)
    if c.model_type == "mixtral":
        written |= {"expert_count": c.num_local_experts, "expert_used_count": c.num_experts_per_tok}
    return written


def _llama(c: Config) -> Metadata:
    width = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    return _common(c) | {"vocab_size": c.vocab_size, "rope.dimension_count": width}


def _phi3(c: Config) -> Metadata:
    rope = c.rope_parameters
    context = rope.get("original_max_position_embeddings", c.max_position_embeddings)
    written = _sizes(c) | _rms_norm(c) | _rotary_share(c) | {"rope.freq_base": rope["rope_theta"]}
    written |= {"rope.scaling.original_context_length": context, "attention.sliding_window": c.sliding_window or 0}
    if "long_factor" in rope:
        scale = c.max_position_embeddings / context
        factor = math.sqrt(1 + math.log(scale) / math.log(context)) if scale > 1 else 1.0
        written["rope.scaling.attn_factor"] = factor
    return written


def _falcon(c: Config) -> Metadata:
    n_kv_heads = c.num_kv_heads if c.new_decoder_architecture else 1
    return _sizes(c, context=2048, d_mlp=4 * c.hidden_size, n_kv_heads=n_kv_heads) | _layer_norm(c)


def _mpt(c: Config) -> Metadata:
    attention = c.attn_config
    written = _sizes(c, context=c.max_seq_len, d_mlp=4 * c.hidden_size, attention__max_alibi_bias=8.0)
    clip = {} if attention.clip_qkv is None else {"attention.clamp_kqv": attention.clip_qkv}
    return written | {"attention.layer_norm_epsilon": 1e-5} | clip


def _gemma(c: Config) -> Metadata:
    return _sizes(c) | _rms_norm(c) | _head_dim(c)


def _gemma2(c: Config) -> Metadata:
    caps = {f"{key}_logit_softcapping": getattr(c, f"{key}_logit_softcapping") for key in ("attn", "final")}
    return _gemma(c) | caps | {"attention.sliding_window": c.sliding_window}


def _gemma3(c: Config) -> Metadata:
    cap = {"final_logit_softcapping": c.final_logit_softcapping} if c.final_logit_softcapping else {}
    return _common(c) | cap | {"attention.sliding_window": c.sliding_window}


def _olmo(c: Config) -> Metadata:
    clip = {} if c.clip_qkv is None else {"attention.clamp_kqv": c.clip_qkv}
    return _sizes(c) | _rope(c) | {"attention.layer_norm_epsilon": 1e-5} | clip


# Weights.


def _each(change: Callable[[str, torch.Tensor, Config], torch.Tensor]) -> Callable[[Tensors, Config], Tensors]:
    return lambda tensors, c: {name: change(name, values, c) for name, values in tensors.items()}


def _permuted(name: str, values: torch.Tensor, c: Config) -> torch.Tensor:
    """Rows of q and k in the order for the rotation of neighbouring dims."""
    part = re.search(r"([qk])_proj\.(weight|bias)$", name)
    if not part:
        return values
    heads = c.num_attention_heads if part[1] == "q" else c.num_key_value_heads
    halves = values.unflatten(0, (heads, 2, -1))  # [head, 2, d_head / 2, ...]
    return halves.transpose(1, 2).flatten(0, 2)


def _stacked(pattern: str, name: str) -> Callable[[Tensors, Config], Tensors]:
    """Tensors that differ in the number of `pattern`, in one; its other groups fill `name`."""

    def stack(tensors: Tensors, _config: Config) -> Tensors:
        kept: Tensors = {}
        groups: dict[str, dict[int, torch.Tensor]] = {}
        for key, values in tensors.items():
            found = re.fullmatch(pattern, key)
            if found:
                groups.setdefault(name.format(**found.groupdict()), {})[int(found["i"])] = values
            else:
                kept[key] = values
        return kept | {key: torch.stack([group[i] for i in sorted(group)]) for key, group in groups.items()}

    return stack


_experts = _stacked(
    r"model\.layers\.(?P<layer>\d+)\.block_sparse_moe\.experts\.(?P<i>\d+)\.(?P<part>w[123])\.weight",
    "layers.{layer}.feed_forward.experts.{part}.weight",
)
_head_norms = _stacked(
    r"(?P<norm>model\.layers\.\d+\.self_attn\.[qk]_layernorm)\.norms\.(?P<i>\d+)\.weight", "{norm}.weight"
)


def _mixtral(tensors: Tensors, c: Config) -> Tensors:
    return _experts(_each(_permuted)(tensors, c), c)


def _ungrouped(name: str, values: torch.Tensor, c: Config) -> torch.Tensor:
    """[group, (queries | k | v), d_head] -> [queries | keys | values]."""
    if "query_key_value" not in name:
        return values
    groups = c.num_attention_heads
    if c.model_type == "falcon":
        groups = c.num_kv_heads if c.new_decoder_architecture else 1
    parts = values.unflatten(0, (groups, -1, c.hidden_size // c.num_attention_heads))
    return torch.cat([part.flatten(0, 2) for part in (parts[:, :-2], parts[:, -2:-1], parts[:, -1:])])


def _bloom(tensors: Tensors, c: Config) -> Tensors:
    return {name.removeprefix("transformer."): values for name, values in _each(_ungrouped)(tensors, c).items()}


def _gain(name: str, values: torch.Tensor, _config: Config) -> torch.Tensor:
    return values + 1 if name.endswith("norm.weight") else values


def _transposed(name: str, values: torch.Tensor, _config: Config) -> torch.Tensor:
    return values.t() if re.search(r"c_(attn|proj|fc)\.weight$", name) else values


def _llama3_divisors(c: Config) -> Tensors:
    rope = c.rope_parameters
    if rope["rope_type"] != "llama3":
        return {}
    width = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    turns = rope["original_max_position_embeddings"] * rope["rope_theta"] ** (-torch.arange(0, width, 2) / width)
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]
    smooth = ((turns.double() / (2 * math.pi) - low) / (high - low)).clamp(0, 1)
    return {"rope_freqs.weight": 1 / ((1 - smooth) / rope["factor"] + smooth)}


def _long_factors(c: Config) -> Tensors:
    rope = c.rope_parameters
    kinds = ("long", "short") if "long_factor" in rope else ()
    return {f"rope_factors_{kind}.weight": torch.tensor(rope[f"{kind}_factor"]) for kind in kinds}


LAYOUTS: dict[str, Layout] = {
    "llama": Layout(MODEL_ARCH.LLAMA, _llama, _each(_permuted), _llama3_divisors),
    "mistral": Layout(MODEL_ARCH.LLAMA, _llama, _each(_permuted)),
    "mixtral": Layout(MODEL_ARCH.LLAMA, _llama, _mixtral),
    "qwen2": Layout(MODEL_ARCH.QWEN2, _common),
    "qwen3": Layout(MODEL_ARCH.QWEN3, _common),
    "phi": Layout(
        MODEL_ARCH.PHI2,
        lambda c: (
            _sizes(c, d_mlp=4 * c.hidden_size, n_kv_heads=c.num_attention_heads) | _layer_norm(c) | _rotary_share(c)
        ),
    ),
    "phi3": Layout(MODEL_ARCH.PHI3, _phi3, extra=_long_factors),
    "gpt2": Layout(MODEL_ARCH.GPT2, lambda c: _sizes(c, d_mlp=4 * c.hidden_size) | _layer_norm(c), _each(_transposed)),
    "falcon": Layout(MODEL_ARCH.FALCON, _falcon, _each(_ungrouped)),
    "mpt": Layout(MODEL_ARCH.MPT, _mpt),
    "bloom": Layout(
        MODEL_ARCH.BLOOM,
        lambda c: (
            _sizes(c, context=c.hidden_size, d_mlp=4 * c.hidden_size, n_kv_heads=c.num_attention_heads) | _layer_norm(c)
        ),
        _bloom,
    ),
    "gpt_neox": Layout(
        MODEL_ARCH.GPTNEOX,
        lambda c: _sizes(c, use_parallel_residual=c.use_parallel_residual) | _layer_norm(c) | _rotary_share(c),
        _each(_ungrouped),
    ),
    "gemma": Layout(MODEL_ARCH.GEMMA, _gemma, _each(_gain)),
    "gemma2": Layout(MODEL_ARCH.GEMMA2, _gemma2, _each(_gain)),
    "gemma3_text": Layout(MODEL_ARCH.GEMMA3, _gemma3, _each(_gain)),
    "olmo": Layout(MODEL_ARCH.OLMO, _olmo, _each(_permuted)),
    "olmo2": Layout(MODEL_ARCH.OLMO2, _common),
    "stablelm": Layout(
        MODEL_ARCH.STABLELM,
        lambda c: _sizes(c, use_parallel_residual=c.use_parallel_residual) | _layer_norm(c) | _rotary_share(c),
        _head_norms,
    ),
    "starcoder2": Layout(MODEL_ARCH.STARCODER2, _common),
}
