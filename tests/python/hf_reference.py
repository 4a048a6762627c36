"""Every activation of a Hugging Face model under libma's hook names, and the comparison with libma's own.

transformers computes RMSNorm and the softmax of eager attention in float32 even in a float64 model.
`float64_throughout` lifts that, so that a float64 run tells a defect from rounding; the rotary tables stay float32 on
both sides.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.models.llama import modeling_llama

TOLERANCE = {torch.float64: 1e-9, torch.float32: 5e-5}

Activations = dict[str, torch.Tensor]


class _TorchWithoutFloat32:
    """The module `torch`, with float64 in place of float32."""

    float32 = torch.float64

    def __getattr__(self, name: str) -> Any:
        return getattr(torch, name)


@contextmanager
def float64_throughout() -> Iterator[None]:
    """Makes transformers' LLaMA compute norms and softmax in float64."""
    with mock.patch.object(modeling_llama, "torch", _TorchWithoutFloat32()):
        yield


def load_reference(folder: Any, dtype: torch.dtype, attention: str = "eager") -> PreTrainedModel:
    """The checkpoint as transformers loads it; with "eager" attention patterns can be seen, "sdpa" is the fused one."""
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()


def run_reference(model: PreTrainedModel, ids: torch.Tensor) -> Activations:
    """Activations of `ids` int64 [batch, pos] by hook name, in forward order; `logits` last."""
    kept: Activations = {}
    watch = _watch_llama if model.config.model_type == "llama" else _watch_gpt2
    exact = model.dtype == torch.float64
    with torch.no_grad(), watch(model, kept):
        if exact:
            with float64_throughout():
                output = model(ids, output_attentions=True, use_cache=False)
        else:
            output = model(ids, output_attentions=True, use_cache=False)
    for layer, pattern in enumerate(output.attentions):
        kept[f"blocks.{layer}.attn.pattern"] = pattern
    kept["logits"] = output.logits
    return kept


def first_difference(ours: Any, reference: Activations, order: list[str], dtype: torch.dtype) -> str | None:
    """One line on the first site, in `order`, that differs; None when all agree.

    Agreement: max |difference| <= tolerance * max(1, max |reference|), the tolerance being the dtype's.
    """
    for name in order:
        if name not in reference:
            continue
        expected = reference[name].to(torch.float64)
        found = ours[name].to(torch.float64)
        if found.shape != expected.shape:
            return f"{name}: shape {tuple(found.shape)}, transformers {tuple(expected.shape)}"
        scale = max(1.0, expected.abs().max().item())
        error = (found - expected).abs().max().item()
        if not error <= TOLERANCE[dtype] * scale:
            return f"{name}: differs by {error:.3g} at a scale of {scale:.3g} ({dtype})"
    return None


def rounding_ratio(ours: torch.Tensor, theirs: torch.Tensor, exact: torch.Tensor) -> float:
    """Our distance from the `exact` float64 result as a multiple of transformers', both root mean square."""
    exact = exact.to(torch.float64)
    distances = [(each.to(torch.float64) - exact).square().mean().sqrt() for each in (ours, theirs)]
    return (distances[0] / distances[1]).item()


@contextmanager
def _hooks(model: PreTrainedModel, outputs: dict[str, Any], inputs: dict[str, Any]) -> Iterator[None]:
    """Calls `outputs[module](tensor)` with a module's output and `inputs[module](tensor)` with its first input."""
    modules = dict(model.named_modules())

    def on_output(keep: Any) -> Any:
        return lambda _module, _arguments, result: keep(result[0] if isinstance(result, tuple) else result)

    def on_input(keep: Any) -> Any:
        return lambda _module, arguments: keep(arguments[0])

    handles = [modules[name].register_forward_hook(on_output(keep)) for name, keep in outputs.items()]
    handles += [modules[name].register_forward_pre_hook(on_input(keep)) for name, keep in inputs.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _keeper(kept: Activations, name: str, head_width: int = 0, parts: tuple[str, ...] = ()) -> Any:
    """Keeps a tensor as `name`, split into heads of `head_width`, or its three equal parts as `name + part`."""

    def keep(x: torch.Tensor) -> None:
        pieces = x.chunk(len(parts), dim=-1) if parts else (x,)
        for piece, part in zip(pieces, parts or ("",), strict=True):
            kept[name + part] = piece.unflatten(-1, (-1, head_width)) if head_width else piece

    return keep


@contextmanager
def _watch_llama(model: PreTrainedModel, kept: Activations) -> Iterator[None]:
    width = model.config.head_dim
    outputs: dict[str, Any] = {"model.embed_tokens": _keeper(kept, "embed")}
    inputs: dict[str, Any] = {}
    for i in range(model.config.num_hidden_layers):
        theirs, ours = f"model.layers.{i}.", f"blocks.{i}."
        inputs[theirs.rstrip(".")] = _keeper(kept, ours + "resid_pre")
        for part in "qkv":
            outputs[f"{theirs}self_attn.{part}_proj"] = _keeper(kept, f"{ours}attn.{part}", width)
        inputs[theirs + "self_attn.o_proj"] = _keeper(kept, ours + "attn.z", width)
        outputs[theirs + "self_attn.o_proj"] = _keeper(kept, ours + "attn_out")
        inputs[theirs + "post_attention_layernorm"] = _keeper(kept, ours + "resid_mid")
        outputs[theirs + "mlp.gate_proj"] = _keeper(kept, ours + "mlp.pre")
        outputs[theirs + "mlp.up_proj"] = _keeper(kept, ours + "mlp.pre_linear")
        inputs[theirs + "mlp.down_proj"] = _keeper(kept, ours + "mlp.post")
        outputs[theirs + "mlp.down_proj"] = _keeper(kept, ours + "mlp_out")
        outputs[theirs.rstrip(".")] = _keeper(kept, ours + "resid_post")
    rotate = modeling_llama.apply_rotary_pos_emb
    layer = iter(range(model.config.num_hidden_layers))

    def watched_rotate(*arguments: Any, **options: Any) -> Any:
        rotated = rotate(*arguments, **options)
        i = next(layer)
        kept[f"blocks.{i}.attn.rot_q"], kept[f"blocks.{i}.attn.rot_k"] = (x.transpose(1, 2) for x in rotated)
        return rotated

    with mock.patch.object(modeling_llama, "apply_rotary_pos_emb", watched_rotate), _hooks(model, outputs, inputs):
        yield


@contextmanager
def _watch_gpt2(model: PreTrainedModel, kept: Activations) -> Iterator[None]:
    width = model.config.n_embd // model.config.n_head
    outputs: dict[str, Any] = {
        "transformer.wte": _keeper(kept, "embed"),
        "transformer.wpe": lambda x: kept.update(pos_embed=x.expand_as(kept["embed"])),
    }
    inputs: dict[str, Any] = {}
    for i in range(model.config.n_layer):
        theirs, ours = f"transformer.h.{i}.", f"blocks.{i}."
        inputs[theirs.rstrip(".")] = _keeper(kept, ours + "resid_pre")
        outputs[theirs + "attn.c_attn"] = _keeper(kept, ours + "attn.", width, ("q", "k", "v"))
        inputs[theirs + "attn.c_proj"] = _keeper(kept, ours + "attn.z", width)
        outputs[theirs + "attn.c_proj"] = _keeper(kept, ours + "attn_out")
        inputs[theirs + "ln_2"] = _keeper(kept, ours + "resid_mid")
        outputs[theirs + "mlp.c_fc"] = _keeper(kept, ours + "mlp.pre")
        inputs[theirs + "mlp.c_proj"] = _keeper(kept, ours + "mlp.post")
        outputs[theirs + "mlp.c_proj"] = _keeper(kept, ours + "mlp_out")
        outputs[theirs.rstrip(".")] = _keeper(kept, ours + "resid_post")
    with _hooks(model, outputs, inputs):
        yield
