"""Forward hooks on a vision model of transformers that keep its activations under libma's hook names."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from hf_watch import Activations, normalise
from transformers import PreTrainedModel

Keep = Callable[[Any], None]


@dataclass(frozen=True)
class VisionLayout:
    """Modules of a family, relative to the backbone or the block; the defaults are ViT's. Empty: it has none."""

    embed_ln: str = ""
    block: str = "layers.{}"
    ln_final: str = "layernorm"
    ln1: str = "layernorm_before"
    ln2: str = "layernorm_after"
    attention: str = "attention"
    qkv: tuple[str, ...] = ("q_proj", "k_proj", "v_proj")  # of `attention`; or one, queries first
    pattern: str = ""  # of `attention`: module that takes the pattern, where attention does not return it
    out: str = "o_proj"  # of `attention`
    scale1: str = ""
    scale2: str = ""
    gate: str = "mlp.fc1"
    up: str = ""  # as `gate` where that returns both, the gate first
    down: str = "mlp.fc2"


VIT = VisionLayout()
DINOV2 = replace(VIT, block="encoder.layer.{}", ln1="norm1", ln2="norm2", scale1="layer_scale1", scale2="layer_scale2")
SWIGLU = replace(DINOV2, gate="mlp.gate_proj", up="mlp.up_proj", down="mlp.down_proj")
SIGLIP = replace(
    VIT,
    block="encoder.layers.{}",
    ln_final="post_layernorm",
    ln1="layer_norm1",
    ln2="layer_norm2",
    attention="self_attn",
    out="out_proj",
)
CLIP = replace(SIGLIP, embed_ln="pre_layrnorm")


def layout_of(config: Any) -> VisionLayout:
    """The layout of a model with this configuration, both towers or one."""
    family = config.model_type.removesuffix("_vision_model")
    if family.startswith("dinov2"):
        return SWIGLU if config.use_swiglu_ffn else DINOV2
    return {"clip": CLIP, "siglip": SIGLIP}.get(family, VIT)


def vision_config(config: Any) -> Any:
    """What config.json says of the vision tower."""
    return getattr(config, "vision_config", config)


def backbone(model: PreTrainedModel) -> torch.nn.Module:
    """The module with the embeddings, the blocks and the last norm."""
    for name in ("vision_model", model.base_model_prefix):
        if isinstance(getattr(model, name, None), torch.nn.Module):
            return getattr(model, name)
    return model


@contextmanager
def watch(model: PreTrainedModel, kept: Activations) -> Iterator[None]:
    """While open, a forward pass fills `kept` with all that lies before the pooling."""
    config = vision_config(model.config)
    watcher = Watcher(backbone(model), layout_of(model.config), config.num_attention_heads, kept)
    embeddings = backbone(model).get_submodule("embeddings")
    with watcher.watching(config.num_hidden_layers):
        handle = embeddings.register_forward_hook(_embedding_keeper(kept), with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()


class Watcher:
    """What to keep of which module's input and output."""

    def __init__(self, module: torch.nn.Module, layout: VisionLayout, n_heads: int, kept: Activations) -> None:
        self.backbone = module
        self.layout = layout
        self.n_heads = n_heads
        self.kept = kept
        self.inputs: dict[str, list[Keep]] = defaultdict(list)
        self.outputs: dict[str, list[Keep]] = defaultdict(list)

    @contextmanager
    def watching(self, n_layers: int) -> Iterator[None]:
        """While open, all is kept but the embedding and what comes of the pooling."""
        self.watch_norm(self.layout.embed_ln, "embed.ln")
        for layer in range(n_layers):
            self.watch_block(layer)
        if self.layout.ln_final:
            # taken from the last block, since CLIP applies its norm to the class token alone
            last = self.layout.block.format(n_layers - 1)
            self.outputs[last].append(self.norm_keeper(self.layout.ln_final, "ln_final"))
        handles = self.register()
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def register(self) -> list[Any]:
        module = self.backbone.get_submodule
        handles = []
        for name, keeps in self.inputs.items():
            handles.append(module(name).register_forward_pre_hook(_on_input(keeps), with_kwargs=True))
        for name, keeps in self.outputs.items():
            handles.append(module(name).register_forward_hook(_on_output(keeps)))
        return handles

    def watch_block(self, layer: int) -> None:
        layout, ours = self.layout, f"blocks.{layer}."
        block = layout.block.format(layer)
        self.inputs[block].append(self.keeper(ours + "resid_pre"))
        self.outputs[block].append(self.keeper(ours + "resid_post"))
        self.watch_norm(f"{block}.{layout.ln1}", ours + "ln1")
        self.watch_norm(f"{block}.{layout.ln2}", ours + "ln2")
        attention = f"{block}.{layout.attention}"
        if len(layout.qkv) == 1:
            self.outputs[f"{attention}.{layout.qkv[0]}"].append(self.fused_keeper(ours))
        else:
            for part, module in zip("qkv", layout.qkv, strict=True):
                self.outputs[f"{attention}.{module}"].append(self.heads_keeper(f"{ours}attn.{part}"))
        if layout.pattern:
            self.inputs[f"{attention}.{layout.pattern}"].append(self.pattern_keeper(ours))
        else:
            self.outputs[attention].append(self.pattern_keeper(ours))
        self.inputs[f"{attention}.{layout.out}"].append(self.heads_keeper(ours + "attn.z"))
        attn_out = f"{block}.{layout.scale1}" if layout.scale1 else f"{attention}.{layout.out}"
        self.outputs[attn_out].append(self.keeper(ours + "attn_out"))
        self.inputs[f"{block}.{layout.ln2}"].append(self.keeper(ours + "resid_mid"))
        if layout.up == layout.gate:
            self.outputs[f"{block}.{layout.gate}"].append(self.halves_keeper(ours))
        else:
            self.outputs[f"{block}.{layout.gate}"].append(self.keeper(ours + "mlp.pre"))
        if layout.up not in ("", layout.gate):
            self.outputs[f"{block}.{layout.up}"].append(self.keeper(ours + "mlp.pre_linear"))
        self.inputs[f"{block}.{layout.down}"].append(self.keeper(ours + "mlp.post"))
        self.outputs[f"{block}.{layout.scale2 or layout.down}"].append(self.keeper(ours + "mlp_out"))

    def watch_norm(self, module: str, ours: str) -> None:
        if module:
            self.inputs[module].append(self.norm_keeper(module, ours))

    def norm_keeper(self, module: str, ours: str) -> Keep:
        norm = self.backbone.get_submodule(module)

        def keep(x: Any) -> None:
            x = x[0] if isinstance(x, tuple) else x
            self.kept[ours + ".scale"], self.kept[ours + ".normalized"] = normalise(norm, x)

        return keep

    def keeper(self, name: str) -> Keep:
        def keep(x: Any) -> None:
            self.kept[name] = (x[0] if isinstance(x, tuple) else x).clone()

        return keep

    def heads_keeper(self, name: str) -> Keep:
        def keep(x: torch.Tensor) -> None:
            self.kept[name] = x.unflatten(-1, (self.n_heads, -1)).clone()

        return keep

    def halves_keeper(self, ours: str) -> Keep:
        def keep(x: torch.Tensor) -> None:
            self.kept[ours + "mlp.pre"], self.kept[ours + "mlp.pre_linear"] = (half.clone() for half in x.chunk(2, -1))

        return keep

    def fused_keeper(self, ours: str) -> Keep:
        def keep(x: torch.Tensor) -> None:
            for part, rows in zip("qkv", x.chunk(3, dim=-1), strict=True):
                self.kept[f"{ours}attn.{part}"] = rows.unflatten(-1, (self.n_heads, -1)).clone()

        return keep

    def pattern_keeper(self, ours: str) -> Keep:
        """The pattern is what eager attention uses; the scores are taken from the queries and keys."""

        def keep(result: Any) -> None:
            q, k = self.kept[ours + "attn.q"], self.kept[ours + "attn.k"]
            self.kept[ours + "attn.attn_scores"] = torch.einsum("bqhd,bkhd->bhqk", q, k) * q.shape[-1] ** -0.5
            self.kept[ours + "attn.pattern"] = result[1] if isinstance(result, tuple) else result.clone()

        return keep


def _embedding_keeper(kept: Activations) -> Any:
    """Tokens are what the module returns when all positions are zero; positions, when all else is."""

    def hook(module: torch.nn.Module, arguments: Any, options: Any, _result: Any) -> None:
        for name, is_position in (("embed", True), ("pos_embed", False)):
            silenced = [p for path, p in module.named_parameters() if ("position" in path) == is_position]
            with zeroed(silenced):
                result = type(module).forward(module, *arguments, **options)
            kept[name] = result[0] if isinstance(result, tuple) else result

    return hook


@contextmanager
def zeroed(parameters: list[torch.nn.Parameter]) -> Iterator[None]:
    """While open, the parameters are zero."""
    saved = [parameter.detach().clone() for parameter in parameters]
    with torch.no_grad():
        for parameter in parameters:
            parameter.zero_()
        try:
            yield
        finally:
            for parameter, values in zip(parameters, saved, strict=True):
                parameter.copy_(values)


def _on_input(keeps: list[Keep]) -> Any:
    def hook(_module: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        for keep in keeps:
            keep(arguments[0] if arguments else options["hidden_states"])

    return hook


def _on_output(keeps: list[Keep]) -> Any:
    def hook(_module: Any, _arguments: Any, result: Any) -> None:
        for keep in keeps:
            keep(result)

    return hook
