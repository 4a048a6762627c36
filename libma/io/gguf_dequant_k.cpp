// ggml's K-quants: 256 values with a float16 scale and 16 or 8 quantised scales
// within. Order of operations and rounding as in gguf_dequant.cpp.
#include <array>

#include "libma/io/float16.h"
#include "libma/io/gguf_dequant.h"

namespace ma {
namespace {

constexpr int kBlock = 256;

/// The 6-bit scales and minima of Q4_K and Q5_K for 8 groups of 32 values,
/// packed in 12 bytes: the low 6 bits of the first 8 bytes are groups 0 to 3;
/// groups 4 to 7 have their low nibbles in the last 4 bytes and their upper two
/// bits in the upper two of the first 8.
struct ScalesAndMinima {
  std::array<std::uint8_t, 8> scale;
  std::array<std::uint8_t, 8> minimum;
};

ScalesAndMinima unpack_scales(const std::uint8_t* s) {
  ScalesAndMinima unpacked;
  for (int j = 0; j < 4; ++j) {
    unpacked.scale[j] = s[j] & 63;
    unpacked.minimum[j] = s[j + 4] & 63;
    unpacked.scale[j + 4] =
        static_cast<std::uint8_t>((s[j + 8] & 15) | ((s[j] >> 2) & 0x30));
    unpacked.minimum[j + 4] =
        static_cast<std::uint8_t>((s[j + 8] >> 4) | ((s[j + 4] >> 2) & 0x30));
  }
  return unpacked;
}

/// The 16 6-bit scales of Q3_K: low nibbles in the first 8 bytes, upper two
/// bits in the last 4.
std::array<int, 16> unpack_q3_scales(const std::uint8_t* s) {
  std::array<int, 16> scales;
  for (int i = 0; i < 16; ++i) {
    const int low = (s[i % 8] >> (4 * (i / 8))) & 15;
    const int high = (s[8 + i % 4] >> (2 * (i / 4))) & 3;
    scales[i] = (low | (high << 4)) - 32;
  }
  return scales;
}

} // namespace

// [16 bytes: scale in the low, minimum in the high nibble][64 bytes of 2-bit
// values][d][dmin]
void dequantize_q2_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 84, out += kBlock) {
    const std::uint8_t* q = blocks + 16;
    const float d = read_float16(blocks + 80);
    const float dmin = read_float16(blocks + 82);
    for (int group = 0; group < 16; ++group) { // 16 values each
      const float scale = d * static_cast<float>(blocks[group] & 15);
      const float minimum = dmin * static_cast<float>(blocks[group] >> 4);
      const std::uint8_t* bytes = q + 32 * (group / 8) + 16 * (group % 2);
      const int shift = 2 * ((group / 2) % 4);
      for (int i = 0; i < 16; ++i) {
        out[16 * group + i] =
            scale * static_cast<float>((bytes[i] >> shift) & 3) - minimum;
      }
    }
  }
}

// [32 bytes: third bits, inverted][64 bytes of 2-bit values][12 bytes of
// scales][d]
void dequantize_q3_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 110, out += kBlock) {
    const std::uint8_t* q = blocks + 32;
    const auto scales = unpack_q3_scales(blocks + 96);
    const float d = read_float16(blocks + 108);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(scales[group]);
      const std::uint8_t* high = blocks + 16 * (group % 2);
      const std::uint8_t* bytes = q + 32 * (group / 8) + 16 * (group % 2);
      const int shift = 2 * ((group / 2) % 4);
      const int bit = group / 2;
      for (int i = 0; i < 16; ++i) {
        const int third = ((high[i] >> bit) & 1) << 2;
        out[16 * group + i] =
            scale * static_cast<float>(((bytes[i] >> shift) & 3) + third - 4);
      }
    }
  }
}

// [d][dmin][12 bytes of scales and minima][128 bytes of nibbles]
void dequantize_q4_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 144, out += kBlock) {
    const float d = read_float16(blocks);
    const float dmin = read_float16(blocks + 2);
    const ScalesAndMinima packed = unpack_scales(blocks + 4);
    for (int group = 0; group < 8; ++group) { // 32 values each
      const float scale = d * static_cast<float>(packed.scale[group]);
      const float minimum = dmin * static_cast<float>(packed.minimum[group]);
      const std::uint8_t* bytes = blocks + 16 + 32 * (group / 2);
      const int shift = 4 * (group % 2);
      for (int i = 0; i < 32; ++i) {
        out[32 * group + i] =
            scale * static_cast<float>((bytes[i] >> shift) & 15) - minimum;
      }
    }
  }
}

// [d][dmin][12 bytes of scales and minima][32 bytes: fifth bits][128 bytes of
// nibbles]
void dequantize_q5_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 176, out += kBlock) {
    const float d = read_float16(blocks);
    const float dmin = read_float16(blocks + 2);
    const ScalesAndMinima packed = unpack_scales(blocks + 4);
    const std::uint8_t* high = blocks + 16;
    for (int group = 0; group < 8; ++group) {
      const float scale = d * static_cast<float>(packed.scale[group]);
      const float minimum = dmin * static_cast<float>(packed.minimum[group]);
      const std::uint8_t* bytes = blocks + 48 + 32 * (group / 2);
      const int shift = 4 * (group % 2);
      for (int i = 0; i < 32; ++i) {
        const int q =
            ((bytes[i] >> shift) & 15) | (((high[i] >> group) & 1) << 4);
        out[32 * group + i] = scale * static_cast<float>(q) - minimum;
      }
    }
  }
}

// [128 bytes of nibbles][64 bytes: upper two bits][16 x int8 scales][d]
void dequantize_q6_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 210, out += kBlock) {
    const float d = read_float16(blocks + 208);
    const auto* scales = reinterpret_cast<const std::int8_t*>(blocks + 192);
    for (int group = 0; group < 16; ++group) {
      const float scale = d * static_cast<float>(scales[group]);
      const std::uint8_t* low = blocks + 64 * (group / 8) + 16 * (group % 4);
      const std::uint8_t* high =
          blocks + 128 + 32 * (group / 8) + 16 * (group % 2);
      const int low_shift = 4 * ((group / 4) % 2);
      const int high_shift = 2 * ((group / 2) % 4);
      for (int i = 0; i < 16; ++i) {
        const int q =
            ((low[i] >> low_shift) & 15) | (((high[i] >> high_shift) & 3) << 4);
        out[16 * group + i] = scale * static_cast<float>(q - 32);
      }
    }
  }
}

} // namespace ma
