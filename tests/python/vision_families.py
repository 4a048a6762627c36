"""Tiny random configurations of every supported vision family, and how their checkpoints are written.

`FAMILIES[model_type][name]` says which class of transformers is saved, and what its configuration changes of the
family's base. Images of `SIZES` are other than the native size wherever the class interpolates its positions.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import load_file, save_file

Settings = dict[str, Any]

NATIVE = 24  # pixels a side
# [height, width] of the images: grids of 4 x 4, 6 x 6, 2 x 2, 3 x 7 and again 4 x 4 patches of 6; what is left over
# at the right and below is dropped
SIZES = {"native": (NATIVE, NATIVE), "larger": (38, 38), "smaller": (15, 15), "wide": (20, 45), "ragged": (26, 25)}
N_CLASSES = 5


@dataclass(frozen=True)
class Tiny:
    """One checkpoint: a class of transformers, changes of its base's settings, and edits of the files it saves."""

    architecture: str
    settings: Settings = field(default_factory=dict)
    arguments: Settings = field(default_factory=dict)  # of the class's constructor
    drop: tuple[str, ...] = ()  # keys of config.json that files of the Hub lack; dotted where nested
    prefix: str = ""  # put before the names of all tensors
    extra: dict[str, tuple[int, ...]] = field(default_factory=dict)  # int64 tensors that older files hold


TOWER: Settings = {
    "hidden_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "image_size": NATIVE,
    "patch_size": 6,
}
WITH_MLP: Settings = {**TOWER, "intermediate_size": 48}
TEXT: Settings = {
    "vocab_size": 30,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "max_position_embeddings": 8,
}
BASES: dict[str, Settings] = {
    "vit": WITH_MLP,
    "deit": WITH_MLP,
    "vit_mae": {
        **WITH_MLP,
        "decoder_hidden_size": 16,
        "decoder_num_hidden_layers": 1,
        "decoder_num_attention_heads": 2,
        "decoder_intermediate_size": 24,
    },
    "dinov2": TOWER,
    "dinov2_with_registers": TOWER,
    "clip_vision_model": {**WITH_MLP, "projection_dim": 20},
    "clip": {"vision_config": WITH_MLP, "text_config": TEXT, "projection_dim": 20},
    "siglip_vision_model": WITH_MLP,
    "siglip": {"vision_config": WITH_MLP, "text_config": TEXT},
}
LABELS = {"num_labels": N_CLASSES}
OLD_CLIP = {
    f"{tower}.embeddings.position_ids": (1, count) for tower, count in (("vision_model", 17), ("text_model", 8))
}
OLD_SIGLIP = {**OLD_CLIP, "vision_model.embeddings.position_ids": (1, 16)}

FAMILIES: dict[str, dict[str, Tiny]] = {
    "vit": {
        "pooler": Tiny("ViTModel"),
        "no_pooler": Tiny("ViTModel", arguments={"add_pooling_layer": False}),
        "mask_token": Tiny("ViTModel", arguments={"use_mask_token": True}),
        "narrow_pooler": Tiny("ViTModel", {"pooler_output_size": 20, "pooler_act": "relu"}),
        "classifier": Tiny("ViTForImageClassification", LABELS),
        "no_qkv_bias": Tiny("ViTForImageClassification", {"qkv_bias": False, **LABELS}),
        "wide_image": Tiny("ViTForImageClassification", {"image_size": [18, 30], **LABELS}),
        "tall_patches": Tiny("ViTModel", {"image_size": [24, 20], "patch_size": [8, 4]}),
        "one_channel": Tiny("ViTModel", {"num_channels": 1}),
        "eps": Tiny("ViTModel", {"layer_norm_eps": 0.1}),
        "hub": Tiny("ViTModel", drop=("pooler_act", "pooler_output_size", "qkv_bias", "layer_norm_eps", "hidden_act")),
        **{
            act: Tiny("ViTForImageClassification", {"hidden_act": act, **LABELS})
            for act in ("gelu_pytorch_tanh", "gelu_new", "quick_gelu", "relu", "silu")
        },
    },
    "deit": {
        "pooler": Tiny("DeiTModel"),
        "no_pooler": Tiny("DeiTModel", arguments={"add_pooling_layer": False}),
        "classifier": Tiny("DeiTForImageClassification", LABELS),
        "teacher": Tiny("DeiTForImageClassificationWithTeacher", LABELS),
        "no_qkv_bias": Tiny("DeiTForImageClassificationWithTeacher", {"qkv_bias": False, **LABELS}),
    },
    "vit_mae": {
        "encoder": Tiny("ViTMAEModel"),
        "pretraining": Tiny("ViTMAEForPreTraining"),
        "no_qkv_bias": Tiny("ViTMAEModel", {"qkv_bias": False, "hidden_act": "relu"}),
    },
    "dinov2": {
        "plain": Tiny("Dinov2Model"),
        "no_mask_token": Tiny("Dinov2Model", {"use_mask_token": False}),
        "classifier": Tiny("Dinov2ForImageClassification", LABELS),
        "swiglu": Tiny("Dinov2Model", {"use_swiglu_ffn": True}),
        "swiglu_classifier": Tiny("Dinov2ForImageClassification", {"use_swiglu_ffn": True, "mlp_ratio": 3, **LABELS}),
        "narrow_mlp": Tiny("Dinov2Model", {"mlp_ratio": 2, "hidden_act": "gelu_pytorch_tanh"}),
        "no_qkv_bias": Tiny("Dinov2Model", {"qkv_bias": False}),
        "square_grid": Tiny("Dinov2Model", {"image_size": [24, 16], "patch_size": [6, 4]}),
        "hub": Tiny("Dinov2Model", drop=("use_mask_token", "use_swiglu_ffn", "mlp_ratio", "qkv_bias", "hidden_act")),
    },
    "dinov2_with_registers": {
        "four": Tiny("Dinov2WithRegistersModel"),
        "one": Tiny("Dinov2WithRegistersModel", {"num_register_tokens": 1}),
        "classifier": Tiny("Dinov2WithRegistersForImageClassification", {"num_register_tokens": 2, **LABELS}),
        "swiglu": Tiny("Dinov2WithRegistersModel", {"use_swiglu_ffn": True}),
        "eps": Tiny("Dinov2WithRegistersForImageClassification", {"layer_norm_eps": 0.1, **LABELS}),
    },
    "clip_vision_model": {
        "plain": Tiny("CLIPVisionModel"),
        "gelu": Tiny("CLIPVisionModel", {"hidden_act": "gelu"}),
        "projection": Tiny("CLIPVisionModelWithProjection"),
        "gelu_projection": Tiny("CLIPVisionModelWithProjection", {"hidden_act": "gelu", "layer_norm_eps": 0.1}),
        "hub": Tiny("CLIPVisionModel", prefix="vision_model.", drop=("hidden_act", "layer_norm_eps", "num_channels")),
    },
    "clip": {
        "both_towers": Tiny("CLIPModel"),
        "classifier": Tiny("CLIPForImageClassification", LABELS),
        "hub": Tiny("CLIPModel", drop=("vision_config.hidden_act", "vision_config.layer_norm_eps"), extra=OLD_CLIP),
    },
    "siglip_vision_model": {
        "head": Tiny("SiglipVisionModel"),
        "no_head": Tiny("SiglipVisionModel", {"vision_use_head": False}),
        "eps": Tiny("SiglipVisionModel", {"layer_norm_eps": 0.1, "hidden_act": "gelu"}),
    },
    "siglip": {
        "both_towers": Tiny("SiglipModel"),
        "classifier": Tiny("SiglipForImageClassification", LABELS),
        "hub": Tiny(
            "SiglipModel",
            drop=("vision_config.hidden_act", "vision_config.layer_norm_eps", "vision_config.vision_use_head"),
            extra=OLD_SIGLIP,
        ),
    },
}
CONFIGURATIONS = [(model_type, name) for model_type, family in FAMILIES.items() for name in family]


def write(folder: Path, model_type: str, name: str) -> Path:
    """Saves `FAMILIES[model_type][name]`, randomised, as transformers does; then edits its files."""
    tiny = FAMILIES[model_type][name]
    config = transformers.AutoConfig.for_model(model_type, **_merged(BASES[model_type], tiny.settings))
    model = getattr(transformers, tiny.architecture)(config, **tiny.arguments)
    randomise(model)
    model.save_pretrained(folder)
    _edit_config(folder / "config.json", tiny.drop)
    if tiny.prefix or tiny.extra:
        path = folder / "model.safetensors"
        tensors = {tiny.prefix + tensor: values for tensor, values in load_file(path).items()}
        tensors |= {tensor: torch.arange(shape[-1]).expand(shape).clone() for tensor, shape in tiny.extra.items()}
        save_file(tensors, path, metadata={"format": "pt"})
    return folder


def randomise(model: torch.nn.Module) -> None:
    """Weights that give each part a say: attention far from uniform, every token, gain, bias and position random."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_table = any(part in name for part in ("token", "position", "pos_embed", "probe", "class_embedding"))
            if is_table:
                parameter.copy_(0.7 * noise)
            elif parameter.dim() > 1:
                parameter.copy_(noise * 2 / (parameter.numel() / parameter.shape[0]) ** 0.5)  # by the number of inputs
            else:
                parameter.add_(0.3 * noise)


def random_pixels(batch: int, channels: int, size: tuple[int, int], seed: int = 1) -> torch.Tensor:
    """Normalised images of `size` [height, width]: float32 [batch, channel, height, width]."""
    return torch.randn(batch, channels, *size, generator=torch.Generator().manual_seed(seed))


def _merged(base: Settings, changes: Settings) -> Settings:
    nested = {key: {**base[key], **changes[key]} for key in changes if isinstance(base.get(key), dict)}
    return {**base, **changes, **nested}


def _edit_config(path: Path, drop: tuple[str, ...]) -> None:
    settings = json.loads(path.read_text())
    for dotted in drop:
        *outer, key = dotted.split(".")
        target = settings
        for part in outer:
            target = target[part]
        del target[key]
    path.write_text(json.dumps(settings, indent=2))
