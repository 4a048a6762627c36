"""timm's vision transformers under libma's hook names: tiny random ones, saved as timm saves for the Hub."""

import sys
import types
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from hf_float64 import float64_throughout
from hf_watch import Activations
from safetensors.torch import load_file
from vision_families import NATIVE, SIZES, randomise
from vision_watch import VIT, VisionLayout, Watcher, zeroed


class _AbsentClass(type):
    """A class whose attributes are all such classes."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AbsentClass(name, (), {})


class _AbsentModule(types.ModuleType):
    __path__: list[str] = []  # noqa: RUF012  (a package)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _AbsentClass(name, (), {})


def import_timm() -> Any:
    """timm, also beside a torch that torchvision has no build for: its models need nothing of torchvision."""
    absent: list[str] = []
    try:
        import torchvision  # noqa: F401
    except Exception:  # one of another build of torch raises RuntimeError
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        parts = ("transforms", "transforms.functional", "ops", "ops.misc", "datasets", "models", "utils")
        absent = ["torchvision", *(f"torchvision.{part}" for part in (*parts, "models.feature_extraction"))]
    sys.modules.update({name: _AbsentModule(name) for name in absent})
    try:
        import timm
        import timm.models._hub
    finally:  # nobody else is to take them for torchvision
        for name in absent:
            del sys.modules[name]
    return timm


@dataclass(frozen=True)
class TinyTimm:
    """One checkpoint: an architecture of timm and what is changed of its arguments."""

    architecture: str
    arguments: dict[str, Any] = field(default_factory=dict)


BASE = {"img_size": NATIVE, "patch_size": 6, "embed_dim": 32, "depth": 3, "num_heads": 4, "num_classes": 5}
CONFIGURATIONS: dict[str, TinyTimm] = {
    "plain": TinyTimm("vit_tiny_patch16_224"),
    "no_head": TinyTimm("vit_tiny_patch16_224", {"num_classes": 0}),
    "no_qkv_bias": TinyTimm("vit_tiny_patch16_224", {"qkv_bias": False, "mlp_ratio": 3.0}),
    "wide_image": TinyTimm("vit_tiny_patch16_224", {"img_size": [18, 30]}),
    "mean_and_fc_norm": TinyTimm("vit_base_patch16_224", {"global_pool": "avg"}),
    "mean_after_norm": TinyTimm("vit_base_patch16_gap_224"),
    "clip": TinyTimm("vit_base_patch16_clip_224"),
    "clip_quickgelu": TinyTimm("vit_base_patch16_clip_quickgelu_224"),
    "clip_dynamic": TinyTimm("vit_base_patch16_clip_quickgelu_224", {"dynamic_img_size": True}),
    "dinov2": TinyTimm("vit_small_patch14_dinov2"),
    "dinov2_dynamic": TinyTimm("vit_small_patch14_dinov2", {"dynamic_img_size": True}),
    "dinov2_registers": TinyTimm("vit_small_patch14_reg4_dinov2"),
    "dinov2_registers_dynamic": TinyTimm("vit_small_patch14_reg4_dinov2", {"dynamic_img_size": True}),
    "dinov2_swiglu": TinyTimm("vit_giant_patch14_dinov2", {"mlp_ratio": 5.0}),
    "siglip": TinyTimm("vit_base_patch16_siglip_224"),
}


def image_sizes(name: str) -> dict[str, tuple[int, int]]:
    """[height, width] of images that the checkpoint takes: whole patches, and the native ones unless it is dynamic."""
    arguments = CONFIGURATIONS[name].arguments
    size = arguments.get("img_size", NATIVE)
    native = {"native": (size, size) if isinstance(size, int) else tuple(size)}
    if not arguments.get("dynamic_img_size"):
        return native
    patch = BASE["patch_size"]
    whole = {name: (height // patch * patch, width // patch * patch) for name, (height, width) in SIZES.items()}
    return {**native, **{name: size for name, size in whole.items() if name not in ("native", "ragged")}}


def write(folder: Path, name: str) -> Path:
    """Saves `CONFIGURATIONS[name]`, randomised: config.json and model.safetensors."""
    timm = import_timm()
    tiny = CONFIGURATIONS[name]
    model = timm.create_model(tiny.architecture, **{**BASE, **tiny.arguments})
    randomise(model)
    timm.models._hub.save_for_hf(model, folder, safe_serialization=True)
    return folder


def load_reference(folder: Path, name: str, dtype: torch.dtype) -> torch.nn.Module:
    """The checkpoint, with attention whose pattern can be seen."""
    tiny = CONFIGURATIONS[name]
    model = import_timm().create_model(tiny.architecture, **{**BASE, **tiny.arguments})
    model.load_state_dict(load_file(folder / "model.safetensors"))
    for block in model.blocks:
        block.attn.fused_attn = False
    return model.to(dtype).eval()


def layout_of(model: torch.nn.Module) -> VisionLayout:
    """Without a norm before the pooling there is no `ln_final`: `fc_norm` takes what is pooled."""
    is_gated = hasattr(model.blocks[0].mlp, "gate_last")
    return replace(
        VIT,
        embed_ln="norm_pre" if _is_norm(model.norm_pre) else "",
        block="blocks.{}",
        ln_final="norm" if _is_norm(model.norm) else "",
        ln1="norm1",
        ln2="norm2",
        attention="attn",
        qkv=("qkv",),
        pattern="attn_drop",
        out="proj",
        scale1="ls1",
        scale2="ls2",
        up="mlp.fc1" if is_gated else "",
    )


def run_reference(model: Any, pixels: torch.Tensor) -> Activations:
    """Activations of `pixels` [batch, channel, height, width] by hook name, and `features`."""
    kept: Activations = {}
    dtype = model.cls_token.dtype if model.cls_token is not None else model.pos_embed.dtype
    watcher = Watcher(model, layout_of(model), model.blocks[0].attn.num_heads, kept)
    with torch.no_grad(), watcher.watching(len(model.blocks)), _float64(dtype):
        features = model.forward_features(pixels.to(dtype))
        pooled = model.forward_head(features, pre_logits=True)
    with torch.no_grad(), _float64(dtype):
        for name, is_position in (("embed", True), ("pos_embed", False)):
            stem = {path: p for path, p in model.named_parameters() if not path.startswith("blocks.")}
            with zeroed([p for path, p in stem.items() if (path == "pos_embed") == is_position]):
                kept[name] = model._pos_embed(model.patch_embed(pixels.to(dtype)))
        kept |= {"features": features, "pooled": pooled}
        if model.num_classes > 0:
            kept["logits"] = model.head(pooled)
    return kept


@contextmanager
def _float64(dtype: torch.dtype) -> Any:
    """timm resizes its positions in float32 whatever the model's dtype."""
    with ExitStack() as stack:
        if dtype == torch.float64:
            stack.enter_context(float64_throughout(sys.modules["timm.layers.pos_embed"]))
        yield


def _is_norm(module: torch.nn.Module) -> bool:
    return not isinstance(module, torch.nn.Identity)
