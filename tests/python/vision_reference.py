"""Every activation of a vision model of transformers under libma's hook names."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from hf_float64 import float64_throughout, modeling_module
from hf_watch import Activations
from safetensors import safe_open
from transformers import PreTrainedModel
from vision_families import SIZES
from vision_watch import backbone, layout_of, vision_config, watch

TAKES_NO_FLAG = ("dinov2", "dinov2_with_registers")  # their positions are interpolated whenever they have to be


@dataclass(frozen=True)
class Reference:
    """What transformers makes of some images."""

    kept: Activations  # by hook name; also `pooled`, `projected` and `logits` where the class has them
    features: torch.Tensor  # [batch, pos, d_model], the stream after the last norm
    output: Any  # of the class itself


def load_reference(folder: Path, dtype: torch.dtype, attention: str = "eager") -> PreTrainedModel:
    """The checkpoint in the class that config.json names; with "eager" attention patterns can be seen."""
    config = json.loads((folder / "config.json").read_text())
    family = getattr(transformers, config["architectures"][0])
    with safe_open(folder / "model.safetensors", "pt") as file:
        names = set(file.keys())
    options = {}
    if family in (transformers.ViTModel, transformers.DeiTModel):
        options["add_pooling_layer"] = "pooler.dense.weight" in names
    model, report = family.from_pretrained(
        folder, dtype=dtype, attn_implementation=attention, output_loading_info=True, **options
    )
    assert not report["missing_keys"] and not report["mismatched_keys"], report
    model.eval()
    if config["model_type"] == "vit_mae":
        model.config.mask_ratio = 0.0  # every patch is seen
    return model


def image_sizes(model: PreTrainedModel) -> dict[str, tuple[int, int]]:
    """[height, width] of images that the class takes, by name."""
    config = vision_config(model.config)
    size = config.image_size
    if isinstance(size, int):
        return SIZES
    native = {"native": tuple(size)}
    # transformers takes every table of positions for a square one; only DINOv2 knows patches that are not
    return {**native, "larger": (38, 30), "wide": (15, 45)} if config.model_type in TAKES_NO_FLAG else native


def run_reference(model: PreTrainedModel, pixels: torch.Tensor) -> Reference:
    """Activations of `pixels` [batch, channel, height, width]; a float64 model computes in float64 throughout."""
    kept: Activations = {}
    with torch.no_grad(), watch(model, kept):
        output = _run(model, pixels.to(model.dtype))
    with torch.no_grad():
        norm = backbone(model).get_submodule(layout_of(model.config).ln_final)
        features = norm(kept[f"blocks.{vision_config(model.config).num_hidden_layers - 1}.resid_post"])
        kept |= _heads(model, output, features, kept)
    return Reference(kept, features, output)


def run_output(model: PreTrainedModel, pixels: torch.Tensor) -> Any:
    """The output of the class alone."""
    with torch.no_grad():
        return _run(model, pixels.to(model.dtype))


def _run(model: PreTrainedModel, pixels: torch.Tensor) -> Any:
    options: dict[str, Any] = {}
    config = vision_config(model.config)
    if config.model_type not in TAKES_NO_FLAG:
        options["interpolate_pos_encoding"] = tuple(pixels.shape[-2:]) != _native(config)
    call: Any = model
    if config.model_type == "vit_mae":
        call = backbone(model)
        n_patches = (pixels.shape[-2] // config.patch_size) * (pixels.shape[-1] // config.patch_size)
        options["noise"] = torch.arange(n_patches, dtype=torch.float32).expand(len(pixels), -1)  # keeps the order
    elif hasattr(model, "get_image_features"):
        call = model.get_image_features
    if model.dtype != torch.float64:
        return call(pixel_values=pixels, **options)
    with float64_throughout(modeling_module(model)):
        return call(pixel_values=pixels, **options)


def _native(config: Any) -> tuple[int, int]:
    size = config.image_size
    return (size, size) if isinstance(size, int) else tuple(size)


def _heads(model: PreTrainedModel, output: Any, features: torch.Tensor, kept: Activations) -> Activations:
    """`pooled` is what the classifier or projection reads; where there is neither, what the class calls pooled."""
    name = type(model).__name__
    result: Activations = {}
    pooled = getattr(output, "pooler_output", None)
    if name in ("CLIPModel", "CLIPVisionModelWithProjection"):
        result["projected"] = output.image_embeds if name.endswith("Projection") else pooled
        pooled = features[:, 0]
    elif name == "CLIPForImageClassification":
        last = vision_config(model.config).num_hidden_layers - 1
        pooled = kept[f"blocks.{last}.resid_post"][:, 1:].mean(dim=1)  # past the last norm
    elif name == "SiglipForImageClassification":
        pooled = features.mean(dim=1)  # past the attention pool
    elif name == "DeiTForImageClassificationWithTeacher":
        pooled = torch.cat([features[:, 0], features[:, 1]], dim=-1)
    elif name in ("Dinov2ForImageClassification", "Dinov2WithRegistersForImageClassification"):
        n_prefix = 1 + getattr(model.config, "num_register_tokens", 0)
        pooled = torch.cat([features[:, 0], features[:, n_prefix:].mean(dim=1)], dim=-1)
    elif pooled is None and not model.config.model_type.startswith("siglip"):
        pooled = features[:, 0]
    if pooled is not None:
        result["pooled"] = pooled
    if name != "ViTMAEForPreTraining" and getattr(output, "logits", None) is not None:
        result["logits"] = output.logits
    return result
