"""Forward hooks on a Hugging Face model that keep its activations under libma's hook names."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from hf_float64 import modeling_module
from hf_layouts import Config, Layout, clip_of, head_counts, head_width, layout_of
from torch.nn.functional import one_hot
from transformers import PreTrainedModel

Activations = dict[str, torch.Tensor]
Keep = Callable[[Any], None]


@contextmanager
def watch(model: PreTrainedModel, kept: Activations, shape: torch.Size) -> Iterator[None]:
    """While open, a forward pass on ids of `shape` [batch, pos] fills `kept`; patterns and logits are in its output."""
    watcher = _Watcher(model, kept, shape)
    watcher.watch_stem()
    for layer in range(model.config.num_hidden_layers):
        watcher.watch_block(layer)
    handles = watcher.register()
    try:
        with _watch_rotation(model, watcher.layout, kept):
            yield
    finally:
        for handle in handles:
            handle.remove()


class _Watcher:
    """What to keep of which module's input and output."""

    def __init__(self, model: PreTrainedModel, kept: Activations, shape: torch.Size) -> None:
        self.modules = dict(model.named_modules())
        self.config: Config = model.config
        self.layout = layout_of(model.config)
        self.kept = kept
        self.shape = shape
        self.inputs: dict[str, list[Keep]] = defaultdict(list)
        self.outputs: dict[str, list[Keep]] = defaultdict(list)

    def register(self) -> list[Any]:
        handles = []
        for module, keeps in self.inputs.items():
            handles.append(self.modules[module].register_forward_pre_hook(_on_input(keeps), with_kwargs=True))
        for module, keeps in self.outputs.items():
            handles.append(self.modules[module].register_forward_hook(_on_output(keeps)))
        return handles

    def watch_stem(self) -> None:
        layout = self.layout
        self.outputs[layout.embed].append(self.keeper("embed"))
        if layout.pos_embed:
            self.outputs[layout.pos_embed].append(lambda x: self.kept.update(pos_embed=x.expand(*self.shape, -1)))
        self.watch_norm(layout.embed_ln, "embed.ln")
        self.watch_norm(layout.ln_final, "ln_final")

    def watch_block(self, layer: int) -> None:
        layout, ours = self.layout, f"blocks.{layer}."
        block = layout.block.format(layer)
        self.inputs[block].append(self.keeper(ours + "resid_pre"))
        self.outputs[block].append(self.keeper(ours + "resid_post"))
        for norm in ("ln1", "ln1_post", "ln2", "ln2_post"):
            self.watch_norm(getattr(layout, norm), ours + norm, block)
        self.watch_attention(block, ours)
        if layout.mid:
            self.inputs[f"{block}.{layout.mid}"].append(self.keeper(ours + "resid_mid"))
        self.watch_mlp(block, ours)

    def watch_attention(self, block: str, ours: str) -> None:
        layout = self.layout
        if len(layout.qkv) == 1:
            self.outputs[f"{block}.{layout.qkv[0]}"].append(self.fused_keeper(ours))
        else:
            for part, module in zip("qkv", layout.qkv, strict=True):
                self.outputs[f"{block}.{module}"].append(self.heads_keeper(f"{ours}attn.{part}"))
        self.inputs[f"{block}.{layout.out}"].append(self.heads_keeper(ours + "attn.z", clip=False))
        self.outputs[f"{block}.{layout.attn_out}"].append(self.keeper(ours + "attn_out"))

    def watch_mlp(self, block: str, ours: str) -> None:
        layout = self.layout
        if layout.has_fused_gate:

            def keep_halves(x: torch.Tensor) -> None:
                self.kept[ours + "mlp.pre"], self.kept[ours + "mlp.pre_linear"] = x.chunk(2, dim=-1)

            self.outputs[f"{block}.{layout.gate}"].append(keep_halves)
        elif layout.gate:
            self.outputs[f"{block}.{layout.gate}"].append(self.keeper(ours + "mlp.pre"))
        if layout.up:
            self.outputs[f"{block}.{layout.up}"].append(self.keeper(ours + "mlp.pre_linear"))
        if layout.down:
            self.inputs[f"{block}.{layout.down}"].append(self.keeper(ours + "mlp.post"))
        if layout.router:
            self.outputs[f"{block}.{layout.router}"].append(self.router_keeper(ours))
        self.outputs[f"{block}.{layout.mlp_out}"].append(self.keeper(ours + "mlp_out"))

    def watch_norm(self, module: str, ours: str, block: str = "") -> None:
        """The divisor of a norm and its input over it, in the dtype of the run."""
        if not module:
            return
        name = f"{block}.{module}" if block else module
        norm = self.modules[name]

        def keep(x: torch.Tensor) -> None:
            scale, normalized = normalise(norm, self.with_batch(x))
            self.kept[ours + ".scale"], self.kept[ours + ".normalized"] = scale, normalized

        self.inputs[name].append(keep)

    def with_batch(self, x: torch.Tensor) -> torch.Tensor:
        """[batch, pos, ...], which OPT and Mixtral flatten."""
        return x.unflatten(0, self.shape) if x.dim() == 2 else x

    def keeper(self, name: str) -> Keep:
        def keep(x: Any) -> None:
            self.kept[name] = self.with_batch(x[0] if isinstance(x, tuple) else x).clone()

        return keep

    def heads_keeper(self, name: str, clip: bool = True) -> Keep:
        width, bound = head_width(self.config), clip_of(self.config)

        def keep(x: torch.Tensor) -> None:
            heads = x.unflatten(-1, (-1, width))
            self.kept[name] = heads.clamp(-bound, bound) if clip and bound else heads.clone()

        return keep

    def fused_keeper(self, ours: str) -> Keep:
        heads, kv_heads = head_counts(self.config)
        bound = clip_of(self.config)

        def keep(x: torch.Tensor) -> None:
            rows = x.clamp(-bound, bound) if bound else x.clone()
            if self.layout.is_interleaved:
                groups = rows.unflatten(-1, (kv_heads, heads // kv_heads + 2, -1))
                q, k, v = groups[..., :-2, :].flatten(2, 3), groups[..., -2, :], groups[..., -1, :]
            else:
                q, k, v = rows.unflatten(-1, (heads + 2 * kv_heads, -1)).split([heads, kv_heads, kv_heads], dim=2)
            self.kept.update({f"{ours}attn.q": q, f"{ours}attn.k": k, f"{ours}attn.v": v})

        return keep

    def router_keeper(self, ours: str) -> Keep:
        def keep(result: tuple[torch.Tensor, ...]) -> None:
            logits, weights, experts = result
            spread = (one_hot(experts, logits.shape[-1]) * weights.unsqueeze(-1)).sum(dim=-2)
            self.kept[ours + "mlp.router_logits"] = self.with_batch(logits)
            self.kept[ours + "mlp.expert_weights"] = self.with_batch(spread)

        return keep


def normalise(norm: torch.nn.Module, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Divisor [batch, pos, 1] of a norm, and its centred (LayerNorm) or plain (RMSNorm) input over it."""
    if "LayerNorm" in type(norm).__name__:
        x = x - x.mean(dim=-1, keepdim=True)
    eps = getattr(norm, "eps", getattr(norm, "variance_epsilon", 1e-5))  # OLMo's is a constant
    scale = (x.square().mean(dim=-1, keepdim=True) + eps).sqrt()
    return scale, x / scale


def _on_input(keeps: list[Keep]) -> Any:
    def hook(_module: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> None:
        x = arguments[0] if arguments else options["hidden_states"]
        for keep in keeps:
            keep(x)

    return hook


def _on_output(keeps: list[Keep]) -> Any:
    def hook(_module: Any, _arguments: Any, result: Any) -> None:
        for keep in keeps:
            keep(result)

    return hook


@contextmanager
def _watch_rotation(model: PreTrainedModel, layout: Layout, kept: Activations) -> Iterator[None]:
    """Keeps queries and keys as they enter the scores."""
    if not layout.has_rotary:
        yield
        return
    *owner, name = layout.attention.split(".")
    target: Any = modeling_module(model)
    for part in owner:
        target = getattr(target, part)
    original = getattr(target, name)
    kv_heads = head_counts(model.config)[1]
    layers = iter(range(model.config.num_hidden_layers))

    def keep(q: torch.Tensor, k: torch.Tensor) -> None:
        ours = f"blocks.{next(layers)}.attn."
        kept[ours + "rot_q"] = q.transpose(1, 2).clone()
        repeats = k.shape[1] // kv_heads  # Falcon repeats keys before it rotates them
        kept[ours + "rot_k"] = k[:, ::repeats].transpose(1, 2).clone()

    def attend(module: Any, q: torch.Tensor, k: torch.Tensor, *arguments: Any, **options: Any) -> Any:
        keep(q, k)
        return original(module, q, k, *arguments, **options)

    def rotate(*arguments: Any, **options: Any) -> Any:
        rotated = original(*arguments, **options)
        keep(*rotated)
        return rotated

    with mock.patch.object(target, name, rotate if name == "apply_rotary_pos_emb" else attend):
        yield
