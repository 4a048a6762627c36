// What must hold between the sizes of a decoder.
#include "libma/models/decoder_config.h"

#include "libma/core/error.h"

namespace ma {
namespace {

class Checker {
 public:
  explicit Checker(const std::string& where) : where_(where) {}

  void require(bool holds, const std::string& problem) const {
    if (!holds) {
      throw ConfigError(where_, problem);
    }
  }

 private:
  const std::string& where_;
};

void check_heads(const DecoderConfig& c, const Checker& checker) {
  checker.require(
      c.n_kv_heads > 0 && c.n_heads % c.n_kv_heads == 0,
      c10::str(
          "the number of heads (",
          c.n_heads,
          ") must be a multiple of the key/value heads (",
          c.n_kv_heads,
          ")"));
  checker.require(
      c.d_head > 0,
      c10::str(
          "d_head is ",
          c.d_head,
          "; d_model ",
          c.d_model,
          " with ",
          c.n_heads,
          " heads gives none"));
}

void check_rope(
    const DecoderConfig& c,
    const nn::RopeConfig& rope,
    const Checker& checker) {
  checker.require(
      rope.d_rotary > 0 && rope.d_rotary % 2 == 0 && rope.d_rotary <= c.d_head,
      c10::str(
          "the rotary dimension ",
          rope.d_rotary,
          " must be even, positive and at most d_head = ",
          c.d_head));
}

} // namespace

bool DecoderConfig::changes_frequencies(
    std::int64_t first, std::int64_t last) const {
  if (!has_rotary()) {
    return false;
  }
  return nn::changes_frequencies(rope, first, last) ||
         (local_rope && nn::changes_frequencies(*local_rope, first, last));
}

void DecoderConfig::check(const std::string& where) const {
  const Checker checker(where);
  checker.require(
      n_layers > 0 && d_model > 0 && n_heads > 0 && d_mlp > 0 && vocab > 0 &&
          max_positions > 0,
      "a model size is missing or not positive");
  check_heads(*this, checker);
  if (has_rotary()) {
    check_rope(*this, rope, checker);
    check_rope(*this, local_rope.value_or(rope), checker);
  }
  checker.require(
      positions != PositionKind::kAlibi ||
          (alibi.slopes.defined() && alibi.slopes.numel() == n_heads),
      "there must be one ALiBi slope for each head");
  checker.require(
      windows.empty() || static_cast<std::int64_t>(windows.size()) == n_layers,
      c10::str(
          "attention windows are given for ",
          windows.size(),
          " blocks of ",
          n_layers));
  for (const auto window : windows) {
    checker.require(
        window >= 0, c10::str("an attention window is ", window, " tokens"));
  }
  checker.require(
      n_experts == 0 || (n_experts_used > 0 && n_experts_used <= n_experts),
      c10::str(n_experts_used, " of ", n_experts, " experts cannot be used"));
}

} // namespace ma
