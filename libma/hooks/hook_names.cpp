// The hook catalogue (names after TransformerLens, without `hook_`).
#include "libma/hooks/hook_names.h"

#include <charconv>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::string_view kBlockPrefix = "blocks.";

/// "blocks.11.attn.q" -> ("blocks.{}.attn.q", 11); a name outside the blocks is
/// left alone, with layer -1.
std::pair<std::string, std::int64_t> split_layer(const std::string& name) {
  if (!name.starts_with(kBlockPrefix)) {
    return {name, -1};
  }
  std::int64_t layer = -1;
  const char* digits = name.data() + kBlockPrefix.size();
  const auto [end, error] =
      std::from_chars(digits, name.data() + name.size(), layer);
  if (error != std::errc{} || layer < 0) {
    return {name, -1};
  }
  return {
      std::string(kBlockPrefix) + "{}" +
          std::string(end, name.data() + name.size()),
      layer};
}

} // namespace

const std::vector<HookName>& hook_catalogue() {
  static const std::vector<HookName> catalogue = {
      {"embed", "[batch, pos, d_model]", "token or patch embedding"},
      {"embed.ln.scale",
       "[batch, pos, 1]",
       "as ln1.scale, where the embedding is normalised"},
      {"embed.ln.normalized", "[batch, pos, d_model]", "as ln1.normalized"},
      {"pos_embed",
       "[batch, pos, d_model]",
       "learned positions (absent with rotary and ALiBi)"},
      {"blocks.{}.resid_pre",
       "[batch, pos, d_model]",
       "residual stream before the block"},
      {"blocks.{}.ln1.scale",
       "[batch, pos, 1]",
       "divisor sqrt(mean(x^2) + eps), x centred for LayerNorm"},
      {"blocks.{}.ln1.normalized",
       "[batch, pos, d_model]",
       "x / scale, before gain and bias"},
      {"blocks.{}.attn.input",
       "[batch, pos, d_model]",
       "what attention reads: ln1.normalized with gain and bias, or the stream "
       "itself where no norm stands before attention"},
      {"blocks.{}.attn.q",
       "[batch, pos, head, d_head]",
       "queries as projected, before norm and rotary"},
      {"blocks.{}.attn.k",
       "[batch, pos, kv_head, d_head]",
       "keys as projected, before norm and rotary"},
      {"blocks.{}.attn.v", "[batch, pos, kv_head, d_head]", "values"},
      {"blocks.{}.attn.q_norm.scale",
       "[batch, pos, head, 1]",
       "divisor of the queries, where they are normalised"},
      {"blocks.{}.attn.q_norm.normalized",
       "[batch, pos, head, d_head]",
       "queries / scale, before the gain"},
      {"blocks.{}.attn.k_norm.scale",
       "[batch, pos, kv_head, 1]",
       "divisor of the keys, where they are normalised"},
      {"blocks.{}.attn.k_norm.normalized",
       "[batch, pos, kv_head, d_head]",
       "keys / scale, before the gain"},
      {"blocks.{}.attn.rot_q",
       "[batch, pos, head, d_head]",
       "queries after rotary (absent without rotary)"},
      {"blocks.{}.attn.rot_k",
       "[batch, pos, kv_head, d_head]",
       "keys after rotary (absent without rotary)"},
      {"blocks.{}.attn.attn_scores",
       "[batch, head, query_pos, key_pos]",
       "softmax input, scaled and masked"},
      {"blocks.{}.attn.pattern",
       "[batch, head, query_pos, key_pos]",
       "softmax output"},
      {"blocks.{}.attn.z",
       "[batch, pos, head, d_head]",
       "before the output projection"},
      {"blocks.{}.ln1_post.scale",
       "[batch, pos, 1]",
       "as ln1.scale, of a norm behind attention"},
      {"blocks.{}.ln1_post.normalized",
       "[batch, pos, d_model]",
       "as ln1.normalized"},
      {"blocks.{}.attn_out",
       "[batch, pos, d_model]",
       "exactly what attention adds to the stream"},
      {"blocks.{}.resid_mid",
       "[batch, pos, d_model]",
       "residual stream after attention (absent where attention and MLP run "
       "side by side)"},
      {"blocks.{}.ln2.scale", "[batch, pos, 1]", "as ln1.scale"},
      {"blocks.{}.ln2.normalized",
       "[batch, pos, d_model]",
       "as ln1.normalized"},
      {"blocks.{}.mlp.pre",
       "[batch, pos, d_mlp]",
       "input of the nonlinearity (the gate, if gated)"},
      {"blocks.{}.mlp.pre_linear",
       "[batch, pos, d_mlp]",
       "the other branch of a gated MLP"},
      {"blocks.{}.mlp.post",
       "[batch, pos, d_mlp]",
       "input of the down-projection"},
      {"blocks.{}.mlp.router_logits",
       "[batch, pos, expert]",
       "a mixture's scores of its experts"},
      {"blocks.{}.mlp.expert_weights",
       "[batch, pos, expert]",
       "what each expert's output is multiplied with, 0 for those not used"},
      {"blocks.{}.ln2_post.scale",
       "[batch, pos, 1]",
       "as ln1.scale, of a norm behind the MLP"},
      {"blocks.{}.ln2_post.normalized",
       "[batch, pos, d_model]",
       "as ln1.normalized"},
      {"blocks.{}.mlp_out",
       "[batch, pos, d_model]",
       "exactly what the MLP adds to the stream"},
      {"blocks.{}.resid_post",
       "[batch, pos, d_model]",
       "residual stream after the block"},
      {"ln_final.scale", "[batch, pos, 1]", "as ln1.scale"},
      {"ln_final.normalized", "[batch, pos, d_model]", "as ln1.normalized"},
      {"pool.pattern",
       "[batch, head, 1, key_pos]",
       "what the learned query of attention pooling sees"},
      {"pool.ln.scale", "[batch, 1, 1]", "as ln1.scale, of what it has read"},
      {"pool.ln.normalized", "[batch, 1, d_model]", "as ln1.normalized"},
      {"pool.mlp.pre",
       "[batch, 1, d_mlp]",
       "input of the nonlinearity behind attention pooling"},
      {"pool.mlp.post",
       "[batch, 1, d_mlp]",
       "input of the down-projection behind it"},
      {"pooled",
       "[batch, d_pooled]",
       "what a vision model makes of all its tokens, input of its head"},
      {"projected",
       "[batch, d_projected]",
       "an image in the space that it shares with texts"},
      {"logits",
       "[batch, pos, vocab]",
       "output of the unembedding ([batch, class] for classifiers, [batch, "
       "pos, "
       "d_text] for text towers)"},
  };
  return catalogue;
}

HookSite make_site(const std::string& name) {
  const auto [pattern, layer] = split_layer(name);
  std::vector<std::string> known;
  for (const HookName& entry : hook_catalogue()) {
    if (entry.name == pattern) {
      const std::size_t skip =
          layer < 0 ? 0 : std::string_view("blocks.{}.").size();
      return {name, pattern.substr(skip), layer, std::string(entry.shape)};
    }
    known.emplace_back(entry.name);
  }
  throw UnknownNameError("hook catalogue", "hook name", name, known);
}

std::string block_site(std::int64_t layer, std::string_view kind) {
  return c10::str(kBlockPrefix, layer, ".", kind);
}

std::string hook_catalogue_markdown() {
  std::string table = "| name | shape | meaning |\n|---|---|---|\n";
  for (const HookName& entry : hook_catalogue()) {
    table += c10::str(
        "| `", entry.name, "` | ", entry.shape, " | ", entry.meaning, " |\n");
  }
  return table;
}

} // namespace ma
