// ggml's ternary blocks: 256 values of {-1, 0, 1} and a float16 scale.
#include "libma/io/float16.h"
#include "libma/io/gguf_dequant.h"

namespace ma {
namespace {

/// `n_digits * n` values of `bytes` [n], each of which holds up to five base-3
/// digits as a fraction of 256: digit after digit, leading ones first.
float* decode_digits(
    const std::uint8_t* bytes, int n, int n_digits, float d, float* out) {
  std::uint8_t power = 1;
  for (int digit = 0; digit < n_digits; ++digit, power *= 3) {
    for (int i = 0; i < n; ++i) {
      const auto fraction = static_cast<std::uint8_t>(bytes[i] * power);
      *out++ = d * static_cast<float>(((fraction * 3) >> 8) - 1);
    }
  }
  return out;
}

} // namespace

// [32 and 16 bytes of five digits][4 bytes of four digits][d]
void dequantize_tq1_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 54) {
    const float d = read_float16(blocks + 52);
    out = decode_digits(blocks, 32, 5, d, out);
    out = decode_digits(blocks + 32, 16, 5, d, out);
    out = decode_digits(blocks + 48, 4, 4, d, out);
  }
}

// [64 bytes of 2-bit values][d], d * (q - 1)
void dequantize_tq2_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 66, out += 256) {
    const float d = read_float16(blocks + 64);
    for (int i = 0; i < 256; ++i) {
      const std::uint8_t byte = blocks[32 * (i / 128) + i % 32];
      out[i] = d * static_cast<float>(((byte >> (2 * ((i / 32) % 4))) & 3) - 1);
    }
  }
}

} // namespace ma
