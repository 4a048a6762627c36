// ggml's blocks of 4-bit codes that stand for the values of a table. Order of
// operations and rounding as in gguf_dequant.cpp.
#include <array>
#include <bit>
#include <cstring>

#include "libma/io/float16.h"
#include "libma/io/gguf_dequant.h"

namespace ma {
namespace {

using Codebook = std::array<float, 16>;

/// IQ4_NL's values, closer together around zero.
constexpr Codebook kNonlinear = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// E2M1 (OCP Microscaling Formats 1.0), doubled.
constexpr Codebook kE2m1 = {
    0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

/// Half of E8M0's 2^(x - 127), subnormal for the two smallest.
float half_e8m0(std::uint8_t x) {
  const std::uint32_t bits =
      x < 2 ? 0x00200000U << x : static_cast<std::uint32_t>(x - 1) << 23;
  return std::bit_cast<float>(bits);
}

/// Half of an E4M3 scale without its sign; all ones is no number and becomes 0
/// (only with a clear sign bit, as in the gguf package).
float half_e4m3(std::uint8_t x) {
  const int exponent = (x >> 3) & 15;
  const int mantissa = x & 7;
  if (x == 0x7F) {
    return 0.0F;
  }
  if (exponent == 0) {
    return static_cast<float>(mantissa) * 0x1p-10F;
  }
  const auto bits = static_cast<std::uint32_t>(exponent - 8 + 127) << 23;
  return static_cast<float>(8 + mantissa) * 0.125F * std::bit_cast<float>(bits);
}

/// `2 * n` values of `codes` [n]: first all low, then all high nibbles.
void decode(
    const std::uint8_t* codes,
    int n,
    float scale,
    const Codebook& values,
    float* out) {
  for (int i = 0; i < n; ++i) {
    out[i] = scale * values[codes[i] & 15];
    out[i + n] = scale * values[codes[i] >> 4];
  }
}

} // namespace

// [d: float16][16 bytes of nibbles]
void dequantize_iq4_nl(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 18, out += 32) {
    decode(blocks + 2, 16, read_float16(blocks), kNonlinear, out);
  }
}

// [d][2 bytes: upper two bits of 8 scales][4 bytes: their low nibbles][128
// bytes of nibbles]
void dequantize_iq4_xs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 136, out += 256) {
    const float d = read_float16(blocks);
    for (int group = 0; group < 8; ++group) { // 32 values each
      const int low = (blocks[4 + group / 2] >> (4 * (group % 2))) & 15;
      const int high = (blocks[2 + group / 4] >> (2 * (group % 4))) & 3;
      const float scale = d * static_cast<float>((low | (high << 4)) - 32);
      decode(blocks + 8 + 16 * group, 16, scale, kNonlinear, out + 32 * group);
    }
  }
}

// [scale: E8M0][16 bytes of nibbles]
void dequantize_mxfp4(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 17, out += 32) {
    decode(blocks + 1, 16, half_e8m0(blocks[0]), kE2m1, out);
  }
}

// [4 scales: E4M3][4 x 8 bytes of nibbles]
void dequantize_nvfp4(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 36, out += 64) {
    for (int group = 0; group < 4; ++group) { // 16 values each
      decode(
          blocks + 4 + 8 * group,
          8,
          half_e4m3(blocks[group]),
          kE2m1,
          out + 16 * group);
    }
  }
}

} // namespace ma
