// What must hold between the sizes of a decoder.
#include "libma/models/decoder_config.h"

#include "libma/core/error.h"

namespace ma {
namespace {

void check_rope(
    const DecoderConfig& c,
    const nn::RopeConfig& rope,
    const std::string& where) {
  if (rope.d_rotary <= 0 || rope.d_rotary % 2 != 0 ||
      rope.d_rotary > c.d_head) {
    throw ConfigError(
        where,
        c10::str(
            "the rotary dimension ",
            rope.d_rotary,
            " must be even, positive and at most d_head = ",
            c.d_head));
  }
  if (!rope.divisors.empty() && rope.scaling != nn::RopeScaling::kNone) {
    throw ConfigError(
        where,
        "rope_freqs.weight beside another scaling rule is not supported");
  }
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
  check_blocks(where);
  check_size("vocabulary", vocab, where);
  check_size("number of positions", max_positions, where);
  if (has_rotary()) {
    check_rope(*this, rope, where);
    check_rope(*this, local_rope.value_or(rope), where);
  }
  if (positions == PositionKind::kAlibi &&
      (!alibi.slopes.defined() || alibi.slopes.numel() != n_heads)) {
    throw ConfigError(where, "there must be one ALiBi slope for each head");
  }
}

} // namespace ma
