"""What all tiny configurations of a family share, in the words of its configuration class."""

from typing import Any

VOCAB = 264  # 256 bytes, 7 merges, one special token
POSITIONS = 64

Settings = dict[str, Any]


def rope(rule: str = "default", **settings: Any) -> Settings:
    """Rotary positions by `rule`, as transformers 5 writes them."""
    return {"rope_parameters": {"rope_type": rule, "rope_theta": 10000.0, **settings}}


def legacy_rope(**settings: Any) -> Settings:
    """config.json with rotary settings as they were before transformers 5: top-level keys, no `rope_parameters`."""
    return {"drop": ["rope_parameters"], "set": settings}


def longrope(original: int, factors: int = 4, **settings: Any) -> Settings:
    """LongRoPE over `factors` frequencies, for a context of `original` positions."""
    return rope(
        "longrope",
        factor=2.0,
        original_max_position_embeddings=original,
        short_factor=[1.0 + 0.1 * i for i in range(factors)],
        long_factor=[2.0 + i for i in range(factors)],
        **settings,
    )


TOKENS: Settings = {"vocab_size": VOCAB, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": None}
GROUPED: Settings = {
    **TOKENS,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": POSITIONS,
}
MULTI_HEAD = {**GROUPED, "num_key_value_heads": 4}
GPT: Settings = {**TOKENS, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": POSITIONS}
MPT: Settings = {**TOKENS, "d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": POSITIONS}


def without(settings: Settings, *keys: str) -> Settings:
    return {key: value for key, value in settings.items() if key not in keys}


BASES: dict[str, Settings] = {
    "llama": without(GROUPED, *TOKENS) | {"vocab_size": VOCAB},
    "gpt2": without(GPT, "pad_token_id"),
    "mistral": {**GROUPED, "sliding_window": None},
    "mixtral": {**GROUPED, "intermediate_size": 24, "num_local_experts": 4, "num_experts_per_tok": 2},
    "qwen2": GROUPED,
    "qwen3": {**GROUPED, "head_dim": 8},
    "phi": without(GROUPED, "num_key_value_heads"),
    "phi3": MULTI_HEAD,
    "falcon": without(GROUPED, "intermediate_size", "num_key_value_heads"),
    "mpt": MPT,
    "opt": {**without(GROUPED, "intermediate_size", "num_key_value_heads"), "ffn_dim": 48, "pad_token_id": 1},
    "gpt_neox": without(GROUPED, "num_key_value_heads"),
    "gptj": {**GPT, "rotary_dim": 4},
    "gpt_neo": {
        **TOKENS,
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "max_position_embeddings": POSITIONS,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 5,
    },
    "bloom": {**TOKENS, "hidden_size": 32, "n_layer": 2, "n_head": 4},
    "gemma": {**GROUPED, "head_dim": 12},
    "gemma2": {
        **GROUPED,
        "head_dim": 12,
        "query_pre_attn_scalar": 12,
        "sliding_window": 6,
        "attn_logit_softcapping": 3.0,
        "final_logit_softcapping": 4.0,
    },
    "gemma3_text": {
        **GROUPED,
        "head_dim": 12,
        "query_pre_attn_scalar": 12,
        "sliding_window": 6,
        "num_hidden_layers": 3,
        "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    },
    "olmo": MULTI_HEAD,
    "olmo2": MULTI_HEAD,
    "stablelm": MULTI_HEAD,
    "starcoder2": GROUPED,
}
