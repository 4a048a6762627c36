// Two tables that most architecture files start from.
#include "libma/models/common_weights.h"

namespace ma {

const WeightMap& common_hf_weights() {
  static const WeightMap map = {
      {"embed.weight", "model.embed_tokens.weight"},
      {"blocks.{}.ln1.weight", "model.layers.{}.input_layernorm.weight"},
      {"blocks.{}.ln1.bias", "model.layers.{}.input_layernorm.bias"},
      {"blocks.{}.attn.qkv.weight",
       {"model.layers.{}.self_attn.q_proj.weight",
        "model.layers.{}.self_attn.k_proj.weight",
        "model.layers.{}.self_attn.v_proj.weight"}},
      {"blocks.{}.attn.qkv.bias",
       {"model.layers.{}.self_attn.q_proj.bias",
        "model.layers.{}.self_attn.k_proj.bias",
        "model.layers.{}.self_attn.v_proj.bias"}},
      {"blocks.{}.attn.q_norm.weight",
       "model.layers.{}.self_attn.q_norm.weight"},
      {"blocks.{}.attn.k_norm.weight",
       "model.layers.{}.self_attn.k_norm.weight"},
      {"blocks.{}.attn.out.weight", "model.layers.{}.self_attn.o_proj.weight"},
      {"blocks.{}.attn.out.bias", "model.layers.{}.self_attn.o_proj.bias"},
      {"blocks.{}.ln2.weight",
       "model.layers.{}.post_attention_layernorm.weight"},
      {"blocks.{}.ln2.bias", "model.layers.{}.post_attention_layernorm.bias"},
      {"blocks.{}.mlp.up.weight",
       {"model.layers.{}.mlp.gate_proj.weight",
        "model.layers.{}.mlp.up_proj.weight"}},
      {"blocks.{}.mlp.up.bias",
       {"model.layers.{}.mlp.gate_proj.bias",
        "model.layers.{}.mlp.up_proj.bias"}},
      {"blocks.{}.mlp.down.weight", "model.layers.{}.mlp.down_proj.weight"},
      {"blocks.{}.mlp.down.bias", "model.layers.{}.mlp.down_proj.bias"},
      {"ln_final.weight", "model.norm.weight"},
      {"ln_final.bias", "model.norm.bias"},
      {"unembed.weight", "lm_head.weight"},
      {"unembed.bias", "lm_head.bias"},
  };
  return map;
}

const WeightMap& common_gguf_weights() {
  static const WeightMap map = {
      {"embed.weight", "token_embd.weight"},
      {"embed.ln.weight", "token_embd_norm.weight"},
      {"embed.ln.bias", "token_embd_norm.bias"},
      {"pos_embed.weight", "position_embd.weight"},
      {"blocks.{}.ln1.weight", "blk.{}.attn_norm.weight"},
      {"blocks.{}.ln1.bias", "blk.{}.attn_norm.bias"},
      {"blocks.{}.attn.qkv.weight",
       {"blk.{}.attn_q.weight",
        "blk.{}.attn_k.weight",
        "blk.{}.attn_v.weight"}},
      {"blocks.{}.attn.qkv.bias",
       {"blk.{}.attn_q.bias", "blk.{}.attn_k.bias", "blk.{}.attn_v.bias"}},
      {"blocks.{}.attn.q_norm.weight", "blk.{}.attn_q_norm.weight"},
      {"blocks.{}.attn.k_norm.weight", "blk.{}.attn_k_norm.weight"},
      {"blocks.{}.attn.out.weight", "blk.{}.attn_output.weight"},
      {"blocks.{}.attn.out.bias", "blk.{}.attn_output.bias"},
      {"blocks.{}.ln1_post.weight", "blk.{}.post_attention_norm.weight"},
      {"blocks.{}.ln2.weight", "blk.{}.ffn_norm.weight"},
      {"blocks.{}.ln2.bias", "blk.{}.ffn_norm.bias"},
      {"blocks.{}.mlp.up.weight",
       {"blk.{}.ffn_gate.weight", "blk.{}.ffn_up.weight"}},
      {"blocks.{}.mlp.up.bias", {"blk.{}.ffn_gate.bias", "blk.{}.ffn_up.bias"}},
      {"blocks.{}.mlp.down.weight", "blk.{}.ffn_down.weight"},
      {"blocks.{}.mlp.down.bias", "blk.{}.ffn_down.bias"},
      {"blocks.{}.mlp.router.weight", "blk.{}.ffn_gate_inp.weight"},
      {"blocks.{}.mlp.experts.gate.weight",
       {"blk.{}.ffn_gate_exps.weight", joined_experts}},
      {"blocks.{}.mlp.experts.up.weight",
       {"blk.{}.ffn_up_exps.weight", joined_experts}},
      {"blocks.{}.mlp.experts.down.weight",
       {"blk.{}.ffn_down_exps.weight", joined_experts}},
      {"blocks.{}.ln2_post.weight", "blk.{}.post_ffw_norm.weight"},
      {"ln_final.weight", "output_norm.weight"},
      {"ln_final.bias", "output_norm.bias"},
      {"unembed.weight", "output.weight"},
      {"unembed.bias", "output.bias"},
  };
  return map;
}

const WeightMap& plain_mlp_gguf_weights() {
  static const WeightMap map = with(
      common_gguf_weights(),
      {{"blocks.{}.mlp.up.weight", "blk.{}.ffn_up.weight"},
       {"blocks.{}.mlp.up.bias", "blk.{}.ffn_up.bias"}});
  return map;
}

const WeightMap& joined_gguf_weights() {
  static const WeightMap map = with(
      plain_mlp_gguf_weights(),
      {{"blocks.{}.attn.qkv.weight", "blk.{}.attn_qkv.weight"},
       {"blocks.{}.attn.qkv.bias", "blk.{}.attn_qkv.bias"}});
  return map;
}

const WeightMap& permuted_gguf_weights() {
  static const WeightMap map = with(
      common_gguf_weights(),
      {{"blocks.{}.attn.qkv.weight",
        {{"blk.{}.attn_q.weight", unpermuted_q},
         {"blk.{}.attn_k.weight", unpermuted_k},
         "blk.{}.attn_v.weight"}},
       {"blocks.{}.attn.qkv.bias",
        {{"blk.{}.attn_q.bias", unpermuted_q},
         {"blk.{}.attn_k.bias", unpermuted_k},
         "blk.{}.attn_v.bias"}}});
  return map;
}

const std::vector<std::string>& gguf_rope_tensors() {
  static const std::vector<std::string> names = {
      "rope_freqs.weight",
      "rope_factors_long.weight",
      "rope_factors_short.weight"};
  return names;
}

} // namespace ma
