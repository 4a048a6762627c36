"""Where each activation of libma's hook names is found in a Hugging Face model: one `Layout` a family.

Module names of a block are relative to it. An empty name says that the family has no such site.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

Config = Any


@dataclass(frozen=True)
class Layout:
    """Modules of one family; the defaults are LLaMA's."""

    embed: str = "model.embed_tokens"
    embed_ln: str = ""
    pos_embed: str = ""
    block: str = "model.layers.{}"
    ln_final: str = "model.norm"
    ln1: str = "input_layernorm"
    ln1_post: str = ""  # norm of what attention adds
    ln2: str = "post_attention_layernorm"
    ln2_post: str = ""  # norm of what the MLP adds
    qkv: tuple[str, ...] = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")  # or one fused projection
    is_interleaved: bool = False  # fused rows: for each kv head its queries, its key, its value; else q, k, v
    out: str = "self_attn.o_proj"
    mid: str = "post_attention_layernorm"  # takes resid_mid; empty in parallel blocks
    gate: str = "mlp.gate_proj"
    up: str = "mlp.up_proj"  # empty where `gate` holds both, or the MLP is not gated
    has_fused_gate: bool = False
    down: str = "mlp.down_proj"
    router: str = ""
    mlp: str = ""  # module that returns mlp_out where `down` does not
    has_rotary: bool = True
    attention: str = "eager_attention_forward"  # what sees rotated queries and keys

    @property
    def attn_out(self) -> str:
        return self.ln1_post or self.out

    @property
    def mlp_out(self) -> str:
        return self.ln2_post or self.mlp or self.down


LLAMA = Layout()
GPT2 = Layout(
    embed="transformer.wte",
    pos_embed="transformer.wpe",
    block="transformer.h.{}",
    ln_final="transformer.ln_f",
    ln1="ln_1",
    ln2="ln_2",
    qkv=("attn.c_attn",),
    out="attn.c_proj",
    mid="ln_2",
    gate="mlp.c_fc",
    up="",
    down="mlp.c_proj",
    has_rotary=False,
)
GPT_NEO = replace(
    GPT2,
    qkv=tuple(f"attn.attention.{part}_proj" for part in "qkv"),
    out="attn.attention.out_proj",
)
GPTJ = replace(
    GPT2,
    pos_embed="",
    ln2="",
    qkv=tuple(f"attn.{part}_proj" for part in "qkv"),
    out="attn.out_proj",
    mid="",
    gate="mlp.fc_in",
    down="mlp.fc_out",
    has_rotary=True,
    attention="GPTJAttention._attn",
)
MIXTRAL = replace(LLAMA, gate="", up="", down="", router="mlp.gate", mlp="mlp")
PHI = replace(
    LLAMA,
    ln_final="model.final_layernorm",
    ln2="",
    out="self_attn.dense",
    mid="",
    gate="mlp.fc1",
    up="",
    down="mlp.fc2",
)
PHI3 = replace(LLAMA, qkv=("self_attn.qkv_proj",), gate="mlp.gate_up_proj", up="", has_fused_gate=True)
GPT_NEOX = replace(
    LLAMA,
    embed="gpt_neox.embed_in",
    block="gpt_neox.layers.{}",
    ln_final="gpt_neox.final_layer_norm",
    qkv=("attention.query_key_value",),
    is_interleaved=True,
    out="attention.dense",
    gate="mlp.dense_h_to_4h",
    up="",
    down="mlp.dense_4h_to_h",
)
BLOOM = replace(
    GPT_NEOX,
    embed="transformer.word_embeddings",
    embed_ln="transformer.word_embeddings_layernorm",
    block="transformer.h.{}",
    ln_final="transformer.ln_f",
    qkv=("self_attention.query_key_value",),
    out="self_attention.dense",
    has_rotary=False,
)
FALCON = replace(BLOOM, embed_ln="", has_rotary=True, attention="apply_rotary_pos_emb")
MPT = replace(
    GPT2,
    pos_embed="",
    block="transformer.blocks.{}",
    ln_final="transformer.norm_f",
    ln1="norm_1",
    ln2="norm_2",
    qkv=("attn.Wqkv",),
    out="attn.out_proj",
    mid="norm_2",
    gate="ffn.up_proj",
    down="ffn.down_proj",
)
OPT = replace(
    LLAMA,
    embed="model.decoder.embed_tokens",
    pos_embed="model.decoder.embed_positions",
    block="model.decoder.layers.{}",
    ln_final="model.decoder.final_layer_norm",
    ln1="self_attn_layer_norm",
    ln2="final_layer_norm",
    out="self_attn.out_proj",
    mid="final_layer_norm",
    gate="fc1",
    up="",
    down="fc2",
    has_rotary=False,
)
GEMMA2 = replace(
    LLAMA,
    ln1_post="post_attention_layernorm",
    ln2="pre_feedforward_layernorm",
    ln2_post="post_feedforward_layernorm",
    mid="pre_feedforward_layernorm",
)
OLMO2 = replace(
    LLAMA,
    ln1="",
    ln1_post="post_attention_layernorm",
    ln2="",
    ln2_post="post_feedforward_layernorm",
    mid="mlp",
)
STARCODER2 = replace(LLAMA, gate="mlp.c_fc", up="", down="mlp.c_proj")


def falcon(config: Config) -> Layout:
    layout = FALCON
    if config.alibi:
        layout = replace(layout, has_rotary=False)
    if config.new_decoder_architecture and config.num_ln_in_parallel_attn == 2:
        return replace(layout, ln1="ln_attn", ln2="ln_mlp", mid="")
    return replace(layout, ln2="", mid="") if config.parallel_attn else layout


def gpt_neox(config: Config) -> Layout:
    return replace(GPT_NEOX, mid="") if config.use_parallel_residual else GPT_NEOX


def opt(config: Config) -> Layout:
    layout = OPT
    if config.word_embed_proj_dim != config.hidden_size:
        layout = replace(layout, embed="model.decoder.project_in")
    if not config.do_layer_norm_before:
        return replace(layout, ln1="", ln2="", ln_final="", mid="fc1")
    return replace(layout, ln_final="") if config._remove_final_layer_norm else layout


def stablelm(config: Config) -> Layout:
    return replace(LLAMA, ln2="", mid="") if config.use_parallel_residual else LLAMA


LAYOUTS: dict[str, Layout | Callable[[Config], Layout]] = {
    "llama": LLAMA,
    "gpt2": GPT2,
    "mistral": LLAMA,
    "mixtral": MIXTRAL,
    "qwen2": LLAMA,
    "qwen3": LLAMA,
    "phi": PHI,
    "phi3": PHI3,
    "falcon": falcon,
    "mpt": MPT,
    "opt": opt,
    "gpt_neox": gpt_neox,
    "gptj": GPTJ,
    "gpt_neo": GPT_NEO,
    "bloom": BLOOM,
    "gemma": LLAMA,
    "gemma2": GEMMA2,
    "gemma3_text": GEMMA2,
    "olmo": LLAMA,
    "olmo2": OLMO2,
    "stablelm": stablelm,
    "starcoder2": STARCODER2,
}


def layout_of(config: Config) -> Layout:
    layout = LAYOUTS[config.model_type]
    return layout if isinstance(layout, Layout) else layout(config)


def head_counts(config: Config) -> tuple[int, int]:
    """Heads of the queries and of the keys and values."""
    heads = config.num_attention_heads
    if config.model_type == "falcon" and not config.new_decoder_architecture:
        return heads, 1 if config.multi_query else heads
    kv_heads = getattr(config, "num_key_value_heads", None) or getattr(config, "num_kv_heads", None)
    return heads, kv_heads or heads


def head_width(config: Config) -> int:
    """d_head."""
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def clip_of(config: Config) -> float | None:
    """Bound of |q|, |k| and |v|, if there is one."""
    return getattr(getattr(config, "attn_config", config), "clip_qkv", None)
