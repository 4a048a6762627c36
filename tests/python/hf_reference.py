"""Every activation of a Hugging Face model under libma's hook names, and the comparison with libma's own."""

from typing import Any

import torch
from hf_float64 import float64_throughout, modeling_module
from hf_watch import Activations, watch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

TOLERANCE = {torch.float64: 1e-9, torch.float32: 5e-5}


def load_reference(folder: Any, dtype: torch.dtype, attention: str = "eager") -> PreTrainedModel:
    """The checkpoint as transformers loads it; with "eager" attention patterns can be seen, "sdpa" is the fused one.

    A family without fused attention gets the eager one.
    """
    family = MODEL_FOR_CAUSAL_LM_MAPPING[type(AutoConfig.from_pretrained(folder))]
    if attention == "sdpa" and not family._supports_sdpa:
        attention = "eager"
    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation=attention, experts_implementation="eager"
    ).eval()
    if model.config.model_type == "falcon" and model.config.alibi:
        _add_alibi_once(model)
    return model


def run_reference(model: PreTrainedModel, ids: torch.Tensor) -> Activations:
    """Activations of `ids` int64 [batch, pos] by hook name; a float64 model computes in float64 throughout."""
    kept: Activations = {}
    with watch(model, kept, ids.shape):
        output = _run(model, ids, output_attentions=True)
    for layer, pattern in enumerate(output.attentions):
        kept[f"blocks.{layer}.attn.pattern"] = pattern
    kept["logits"] = output.logits
    return kept


def reference_hidden_states(model: PreTrainedModel, ids: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """What transformers itself reports as the streams that enter the blocks, and the last norm's output."""
    return _run(model, ids, output_hidden_states=True).hidden_states


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


def _run(model: PreTrainedModel, ids: torch.Tensor, **options: Any) -> Any:
    with torch.no_grad():
        if model.dtype != torch.float64:
            return model(ids, use_cache=False, **options)
        with float64_throughout(modeling_module(model)):
            return model(ids, use_cache=False, **options)


def _add_alibi_once(model: PreTrainedModel) -> None:
    """Falcon's eager attention adds ALiBi to the scores and again with the mask; its fused one, and the model as it was
    published, add it once. This leaves it in the mask alone."""

    def drop_alibi(_module: Any, arguments: Any, options: dict[str, Any]) -> Any:
        return arguments, {**options, "alibi": torch.zeros_like(options["alibi"])}

    for block in model.transformer.h:
        block.self_attention.register_forward_pre_hook(drop_alibi, with_kwargs=True)
