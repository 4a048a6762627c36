"""Tiny random configurations of every supported family: each option of config.json that changes the forward pass.

`FAMILIES[model_type][name]` is what a configuration changes of `family_bases.BASES[model_type]`. Two keys are
`checkpoints.write`'s own: `shard_size` and `config_json`, the latter for files as the Hub has them, whose keys
transformers renames when it saves.
"""

from family_bases import Settings, legacy_rope, longrope, rope

LLAMA: dict[str, Settings] = {
    "grouped": {},
    "multi_head": {"num_key_value_heads": 4},
    "multi_query": {"num_key_value_heads": 1},
    "wide_heads": {"head_dim": 12},
    "attention_bias": {"attention_bias": True},
    "mlp_bias": {"mlp_bias": True},
    "tied": {"tie_word_embeddings": True},
    "gelu": {"hidden_act": "gelu_pytorch_tanh"},
    "eps": {"rms_norm_eps": 0.1},
    "sharded": {"shard_size": "10KB"},
    "theta": rope(rope_theta=500.0),
    "linear": rope("linear", factor=3.0),
    "dynamic_short": rope("dynamic", factor=3.0),
    "dynamic_long": {**rope("dynamic", factor=3.0), "max_position_embeddings": 17},
    "yarn": rope("yarn", factor=4.0, original_max_position_embeddings=16),
    "yarn_settings": rope(
        "yarn", factor=4.0, original_max_position_embeddings=16, beta_fast=4.0, beta_slow=0.5, truncate=False
    ),
    "yarn_attention_factor": rope("yarn", factor=4.0, original_max_position_embeddings=16, attention_factor=1.3),
    "yarn_mscale": rope("yarn", factor=4.0, original_max_position_embeddings=16, mscale=0.7, mscale_all_dim=0.4),
    "llama3": rope(
        "llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=16
    ),
    "longrope_short": longrope(32),
    "longrope_long": longrope(16),
}
GPT2: dict[str, Settings] = {
    "plain": {},
    "untied": {"tie_word_embeddings": False},
    "n_inner": {"n_inner": 40},
    "unscaled": {"scale_attn_weights": False},
    "inverse_layer": {"scale_attn_by_inverse_layer_idx": True, "n_layer": 3},
    "upcast": {"reorder_and_upcast_attn": True},
    "eps": {"layer_norm_epsilon": 0.1},
    "sharded": {"shard_size": "10KB"},
    **{name: {"activation_function": name} for name in ("gelu", "gelu_fast", "gelu_pytorch_tanh", "relu", "silu")},
}
MISTRAL: dict[str, Settings] = {
    "full": {},
    "window": {"sliding_window": 7},
    "window_longer_than_the_text": {"sliding_window": 40},
    "wide_heads_window": {"head_dim": 12, "sliding_window": 5},
    "multi_query": {"num_key_value_heads": 1},
    "tied": {"tie_word_embeddings": True},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {
        "sliding_window": 7,
        "config_json": {"drop": ["rope_parameters", "head_dim"], "set": {"rope_theta": 500.0}},
    },
}
MIXTRAL: dict[str, Settings] = {
    "two_of_four": {},
    "one_of_four": {"num_experts_per_tok": 1},
    "four_of_four": {"num_experts_per_tok": 4},
    "three_of_eight": {"num_experts_per_tok": 3, "num_local_experts": 8},
    "window": {"sliding_window": 6},
    "wide_heads": {"head_dim": 12},
    "tied_gelu": {"tie_word_embeddings": True, "hidden_act": "gelu_pytorch_tanh"},
    "hub": {"config_json": legacy_rope(rope_theta=500.0)},
}
QWEN2: dict[str, Settings] = {
    "full": {},
    "windows_from_second_layer": {
        "use_sliding_window": True,
        "sliding_window": 6,
        "max_window_layers": 1,
        "num_hidden_layers": 3,
    },
    "layer_types": {
        "use_sliding_window": True,
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "window_off": {"use_sliding_window": False, "sliding_window": 6, "max_window_layers": 0},
    "multi_query": {"num_key_value_heads": 1},
    "tied": {"tie_word_embeddings": True},
    "yarn": rope("yarn", factor=4.0, original_max_position_embeddings=16),
    "hub": {
        "use_sliding_window": True,
        "sliding_window": 6,
        "max_window_layers": 1,
        "config_json": {"drop": ["rope_parameters", "layer_types"], "set": {"rope_theta": 500.0}},
    },
    "hub_window_off": {
        "config_json": {
            "drop": ["rope_parameters", "layer_types"],
            "set": {"sliding_window": 6, "max_window_layers": 1, "use_sliding_window": False, "rope_theta": 500.0},
        },
    },
}
QWEN3: dict[str, Settings] = {
    "full": {},
    "wide_heads": {"head_dim": 12},
    "attention_bias": {"attention_bias": True},
    "windows_from_second_layer": {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1},
    "layer_types": {
        "use_sliding_window": True,
        "sliding_window": 6,
        "layer_types": ["sliding_attention", "full_attention"],
    },
    "tied": {"tie_word_embeddings": True},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {"config_json": {"drop": ["rope_parameters", "layer_types"], "set": {"rope_theta": 500.0}}},
}
PHI: dict[str, Settings] = {
    "half_rotary": {},
    "grouped": {"num_key_value_heads": 2},
    "qk_layernorm": {"qk_layernorm": True},
    "quarter_rotary": rope(partial_rotary_factor=0.25),
    "full_rotary": rope(partial_rotary_factor=1.0),
    "tied_relu": {"tie_word_embeddings": True, "hidden_act": "relu"},
    "eps": {"layer_norm_eps": 0.1},
    "hub": {"config_json": legacy_rope(partial_rotary_factor=0.5, rope_theta=500.0)},
}
PHI3: dict[str, Settings] = {
    "multi_head": {},
    "grouped": {"num_key_value_heads": 2},
    "window": {"sliding_window": 7},
    "half_rotary": rope(partial_rotary_factor=0.5),
    "longrope_short": {**longrope(32), "original_max_position_embeddings": 32},
    "longrope_long": {**longrope(16), "original_max_position_embeddings": 16},
    "longrope_half_rotary": {
        **longrope(16, factors=2, partial_rotary_factor=0.5),
        "original_max_position_embeddings": 16,
    },
    "tied": {"tie_word_embeddings": True},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {
        "original_max_position_embeddings": 16,
        "config_json": legacy_rope(
            rope_theta=500.0,
            rope_scaling={
                "type": "longrope",
                "short_factor": [1.0, 1.1, 1.2, 1.3],
                "long_factor": [2.0, 3.0, 4.0, 5.0],
            },
        ),
    },
}
FALCON: dict[str, Settings] = {
    "seven_b": {},
    "parallel_multi_head": {"multi_query": False},
    "sequential": {"parallel_attn": False, "bias": True},
    "two_norms": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "two_norms_multi_head": {"new_decoder_architecture": True, "num_kv_heads": 4, "bias": True},
    "one_norm": {"new_decoder_architecture": True, "num_kv_heads": 2, "num_ln_in_parallel_attn": 1},
    "alibi": {"alibi": True, "parallel_attn": False, "multi_query": False, "bias": True},
    "alibi_six_heads": {
        "alibi": True,
        "parallel_attn": False,
        "multi_query": False,
        "bias": True,
        "hidden_size": 36,
        "num_attention_heads": 6,
    },
    "alibi_twelve_heads": {"alibi": True, "hidden_size": 48, "num_attention_heads": 12},
    "ffn_hidden_size": {"ffn_hidden_size": 40, "activation": "relu"},
    "untied": {"tie_word_embeddings": False},
    "eps": {"layer_norm_epsilon": 0.1},
    "hub": {"config_json": legacy_rope(rope_theta=500.0)},
}
MPT_VARIANTS: dict[str, Settings] = {
    "plain": {},
    "clip": {"attn_config": {"clip_qkv": 0.5}},
    "softmax_scale": {"attn_config": {"softmax_scale": 0.2}},
    "three_heads": {"d_model": 36, "n_heads": 3},
    "six_heads": {"d_model": 36, "n_heads": 6},
    "twelve_heads": {"d_model": 48, "n_heads": 12},
    "untied": {"tie_word_embeddings": False},
    "eps": {"layer_norm_epsilon": 0.1},
}
OPT: dict[str, Settings] = {
    "norm_before": {},
    "norm_after": {"do_layer_norm_before": False},
    "projected": {"word_embed_proj_dim": 16},
    "opt_350m": {"do_layer_norm_before": False, "word_embed_proj_dim": 16},
    "no_bias": {"enable_bias": False},
    "no_affine": {"layer_norm_elementwise_affine": False},
    "no_bias_no_affine_after": {
        "enable_bias": False,
        "layer_norm_elementwise_affine": False,
        "do_layer_norm_before": False,
    },
    "no_final_norm": {"_remove_final_layer_norm": True},
    "gelu": {"activation_function": "gelu"},
    "untied": {"tie_word_embeddings": False},
}
GPT_NEOX: dict[str, Settings] = {
    "parallel": {},
    "sequential": {"use_parallel_residual": False},
    "half_rotary": rope(partial_rotary_factor=0.5),
    "full_rotary": rope(partial_rotary_factor=1.0),
    "no_attention_bias": {"attention_bias": False},
    "linear": rope("linear", factor=3.0, partial_rotary_factor=0.5),
    "tied": {"tie_word_embeddings": True, "hidden_act": "gelu_fast"},
    "eps": {"layer_norm_eps": 0.1},
    "hub": {"config_json": legacy_rope(rotary_pct=0.5, rotary_emb_base=500)},
}
GPTJ: dict[str, Settings] = {
    "half_rotary": {},
    "quarter_rotary": {"rotary_dim": 2},
    "full_rotary": {"rotary_dim": 8},
    "n_inner": {"n_inner": 40, "activation_function": "relu"},
    "tied": {"tie_word_embeddings": True},
    "eps": {"layer_norm_epsilon": 0.1},
}
GPT_NEO: dict[str, Settings] = {
    "alternating": {},
    "global": {"attention_types": [[["global"], 2]]},
    "local": {"attention_types": [[["local"], 2]]},
    "mixed": {"attention_types": [[["local"], 2], [["global", "local"], 1]], "num_layers": 4, "window_size": 3},
    "window_longer_than_the_text": {"window_size": 40},
    "intermediate_size": {"intermediate_size": 40, "activation_function": "relu"},
    "untied": {"tie_word_embeddings": False},
    "eps": {"layer_norm_epsilon": 0.1},
}
BLOOM: dict[str, Settings] = {
    "plain": {},
    "residual_after_norm": {"apply_residual_connection_post_layernorm": True},
    "three_heads": {"hidden_size": 36, "n_head": 3},
    "six_heads": {"hidden_size": 36, "n_head": 6},
    "twelve_heads": {"hidden_size": 48, "n_head": 12},
    "untied": {"tie_word_embeddings": False},
    "eps": {"layer_norm_epsilon": 0.1},
}
GEMMA: dict[str, Settings] = {
    "wide_heads": {},
    "narrow_heads": {"head_dim": 4},
    "multi_query": {"num_key_value_heads": 1},
    "attention_bias": {"attention_bias": True},
    "silu": {"hidden_act": "silu"},
    "untied": {"tie_word_embeddings": False},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {  # "gelu" means the tanh form; `hidden_activation` is not read
        "config_json": {
            "drop": ["rope_parameters"],
            "set": {"hidden_act": "gelu", "hidden_activation": None, "rope_theta": 500.0},
        }
    },
}
GEMMA2: dict[str, Settings] = {
    "soft_caps": {},
    "no_soft_caps": {"attn_logit_softcapping": None, "final_logit_softcapping": None},
    "attention_soft_cap": {"final_logit_softcapping": None},
    "final_soft_cap": {"attn_logit_softcapping": None},
    "query_scalar": {"query_pre_attn_scalar": 40},
    "four_layers": {"num_hidden_layers": 4},
    "layer_types": {"layer_types": ["full_attention", "sliding_attention"]},
    "attention_bias": {"attention_bias": True},
    "silu": {"hidden_activation": "silu"},
    "untied": {"tie_word_embeddings": False},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {
        "config_json": {
            "drop": ["rope_parameters", "layer_types"],
            "set": {"hidden_act": "silu", "rope_theta": 500.0},
        }
    },
}
GEMMA3: dict[str, Settings] = {
    "layer_types": {},
    "every_sixth_full": {"layer_types": None, "num_hidden_layers": 6},
    "two_bases": {
        "rope_parameters": {
            "full_attention": {"rope_type": "default", "rope_theta": 5000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
        }
    },
    "linear": {
        "rope_parameters": {
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5000.0},
            "sliding_attention": {"rope_type": "default", "rope_theta": 50.0},
        }
    },
    "query_scalar": {"query_pre_attn_scalar": 40},
    "final_soft_cap": {"final_logit_softcapping": 4.0},
    "attention_soft_cap_unused": {"attn_logit_softcapping": 3.0},  # transformers reads it and does not apply it
    "attention_bias": {"attention_bias": True},
    "silu": {"hidden_activation": "silu"},
    "untied": {"tie_word_embeddings": False},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {
        "config_json": {
            "drop": ["rope_parameters", "layer_types"],
            "set": {
                "sliding_window_pattern": 2,
                "rope_theta": 5000.0,
                "rope_local_base_freq": 50.0,
                "rope_scaling": {"rope_type": "linear", "factor": 8.0},
            },
        }
    },
}
OLMO: dict[str, Settings] = {
    "multi_head": {},
    "clip": {"clip_qkv": 0.5},
    "grouped": {"num_key_value_heads": 2},
    "attention_bias": {"attention_bias": True},
    "tied": {"tie_word_embeddings": True},
    "hub": {"config_json": legacy_rope(rope_theta=500.0)},
}
OLMO2: dict[str, Settings] = {
    "multi_head": {},
    "grouped": {"num_key_value_heads": 2},
    "attention_bias": {"attention_bias": True},
    "tied": {"tie_word_embeddings": True},
    "eps": {"rms_norm_eps": 0.1},
    "hub": {"config_json": legacy_rope(rope_theta=500.0)},
}
STABLELM: dict[str, Settings] = {
    "quarter_rotary": {},
    "qkv_bias": {"use_qkv_bias": True},
    "grouped": {"num_key_value_heads": 2},
    "qk_layernorm": {"qk_layernorm": True},
    "qk_layernorm_grouped": {"qk_layernorm": True, "num_key_value_heads": 2},
    "parallel": {"use_parallel_residual": True, "use_qkv_bias": True},
    "full_rotary": rope(partial_rotary_factor=1.0),
    "tied": {"tie_word_embeddings": True},
    "eps": {"layer_norm_eps": 0.1},
    "hub": {"config_json": legacy_rope(partial_rotary_factor=0.5, rope_theta=500.0)},
}
STARCODER2: dict[str, Settings] = {
    "grouped": {},
    "no_bias": {"use_bias": False},
    "window": {"sliding_window": 6},
    "multi_query": {"num_key_value_heads": 1},
    "untied": {"tie_word_embeddings": False},
    "relu": {"hidden_act": "relu"},
    "eps": {"norm_epsilon": 0.1},
    "hub": {"config_json": legacy_rope(rope_theta=500.0)},
}

FAMILIES: dict[str, dict[str, Settings]] = {
    "llama": LLAMA,
    "gpt2": GPT2,
    "mistral": MISTRAL,
    "mixtral": MIXTRAL,
    "qwen2": QWEN2,
    "qwen3": QWEN3,
    "phi": PHI,
    "phi3": PHI3,
    "falcon": FALCON,
    "mpt": MPT_VARIANTS,
    "opt": OPT,
    "gpt_neox": GPT_NEOX,
    "gptj": GPTJ,
    "gpt_neo": GPT_NEO,
    "bloom": BLOOM,
    "gemma": GEMMA,
    "gemma2": GEMMA2,
    "gemma3_text": GEMMA3,
    "olmo": OLMO,
    "olmo2": OLMO2,
    "stablelm": STABLELM,
    "starcoder2": STARCODER2,
}
CONFIGURATIONS = [(model_type, name) for model_type, variants in FAMILIES.items() for name in variants]
