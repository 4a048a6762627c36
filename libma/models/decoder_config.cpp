// What must hold between the sizes of a decoder.
#include "libma/models/decoder_config.h"

#include <utility>

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

/// Sizes that no model comes near, so that products of two do not overflow.
constexpr std::int64_t kMost = std::int64_t{1} << 31;

void check_sizes(const DecoderConfig& c, const Checker& checker) {
  const std::pair<const char*, std::int64_t> sizes[] = {
      {"number of blocks", c.n_layers},
      {"d_model", c.d_model},
      {"number of heads", c.n_heads},
      {"d_mlp", c.d_mlp},
      {"vocabulary", c.vocab},
      {"number of positions", c.max_positions}};
  for (const auto& [name, size] : sizes) {
    checker.require(
        size > 0 && size < kMost,
        c10::str("the ", name, " is ", size, "; expected a positive size"));
  }
}

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
  checker.require(
      rope.divisors.empty() || rope.scaling == nn::RopeScaling::kNone,
      "rope_freqs.weight beside another scaling rule is not supported");
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
  check_sizes(*this, checker);
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
