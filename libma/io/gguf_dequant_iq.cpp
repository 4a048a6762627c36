// ggml's IQ1 to IQ3: groups of 8 or 4 values are points of a lattice, looked up
// in tables. The tables are data of llama.cpp, so that they are not here: the
// build takes them from the `gguf` Python package (make_gguf_grids.py). Order
// of operations and rounding as in gguf_dequant.cpp.
#include <bit>
#include <cstring>

#include "gguf_grids.inc"

#include "libma/io/float16.h"
#include "libma/io/gguf_dequant.h"

namespace ma {
namespace {

constexpr int kBlock = 256;

template <typename Word>
Word read_word(const std::uint8_t* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

/// Seven signs of a group of 8, and the eighth that makes their number even.
std::uint8_t with_parity(std::uint32_t signs) {
  signs &= 127;
  return static_cast<std::uint8_t>(signs | (std::popcount(signs) & 1) << 7);
}

/// scale * point[i], negated where bit i of `signs` is set. `point` is [n].
void decode(
    float scale, const std::int8_t* point, int n, int signs, float* out) {
  for (int i = 0; i < n; ++i) {
    const float value = scale * static_cast<float>(point[i]);
    out[i] = ((signs >> i) & 1) != 0 ? -value : value;
  }
}

/// scale * (point[i] + delta) for IQ1's points [8].
void decode_iq1(
    float scale, const std::int8_t* point, bool negative, float* out) {
  const float delta = negative ? -0.125F : 0.125F;
  for (int i = 0; i < 8; ++i) {
    out[i] = scale * (static_cast<float>(point[i]) + delta);
  }
}

int nibble(const std::uint8_t* bytes, int i) {
  return (bytes[i / 2] >> (4 * (i % 2))) & 15;
}

} // namespace

// [d][8 x (4 bytes: points; uint32: 4 x 7 signs, 4-bit scale)]
void dequantize_iq2_xxs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 66, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 32; ++i) { // 8 values each
      const std::uint8_t* group = blocks + 2 + 8 * (i / 4);
      const auto word = read_word<std::uint32_t>(group + 4);
      const float scale = d * (0.5F + static_cast<float>(word >> 28)) * 0.25F;
      const std::uint8_t signs = with_parity(word >> (7 * (i % 4)));
      decode(scale, kGridIq2Xxs[group[i % 4]], 8, signs, out + 8 * i);
    }
  }
}

// [d][32 x uint16: 9 bits of point, 7 signs][8 bytes: 16 scales]
void dequantize_iq2_xs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 74, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 32; ++i) {
      const auto word = read_word<std::uint16_t>(blocks + 2 + 2 * i);
      const auto quarter = static_cast<float>(nibble(blocks + 66, i / 2));
      const float scale = d * (0.5F + quarter) * 0.25F;
      decode(
          scale,
          kGridIq2Xs[word & 511],
          8,
          with_parity(word >> 9),
          out + 8 * i);
    }
  }
}

// [d][32 bytes: points][32 bytes: signs][8 bytes: upper two bits of the
// points][8 bytes: 16 scales]
void dequantize_iq2_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 82, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 32; ++i) {
      const int high = (blocks[66 + i / 4] >> (2 * (i % 4))) & 3;
      const auto quarter = static_cast<float>(nibble(blocks + 74, i / 2));
      const float scale = d * (0.5F + quarter) * 0.25F;
      const std::int8_t* point = kGridIq2S[blocks[2 + i] | (high << 8)];
      decode(scale, point, 8, blocks[34 + i], out + 8 * i);
    }
  }
}

// [d][64 bytes: points of 4 values][8 x uint32: 4 x 7 signs, 4-bit scale]
void dequantize_iq3_xxs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 98, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 64; ++i) { // 4 values each
      const auto word = read_word<std::uint32_t>(blocks + 66 + 4 * (i / 8));
      const float scale = d * (0.5F + static_cast<float>(word >> 28)) * 0.5F;
      const int signs = with_parity(word >> (7 * ((i / 2) % 4)));
      const std::int8_t* point = kGridIq3Xxs[blocks[2 + i]];
      decode(scale, point, 4, signs >> (4 * (i % 2)), out + 4 * i);
    }
  }
}

// [d][64 bytes: points of 4 values][8 bytes: their ninth bits][32 bytes:
// signs][4 bytes: 8 scales]
void dequantize_iq3_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 110, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 64; ++i) {
      const int high = (blocks[66 + i / 8] >> (i % 8)) & 1;
      const int signs = nibble(blocks + 74, i);
      const float scale =
          d * static_cast<float>(1 + 2 * nibble(blocks + 106, i / 8));
      const std::int8_t* point = kGridIq3S[blocks[2 + i] | (high << 8)];
      decode(scale, point, 4, signs, out + 4 * i);
    }
  }
}

// [d][32 bytes: points][8 x uint16: 4 x upper three bits of the points, 3-bit
// scale, sign of delta]
void dequantize_iq1_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 50, out += kBlock) {
    const float d = read_float16(blocks);
    for (int i = 0; i < 32; ++i) {
      const auto word = read_word<std::uint16_t>(blocks + 34 + 2 * (i / 4));
      const float scale = d * static_cast<float>(2 * ((word >> 12) & 7) + 1);
      const int high = (word >> (3 * (i % 4))) & 7;
      const std::int8_t* point = kGridIq1S[blocks[2 + i] | (high << 8)];
      decode_iq1(scale, point, (word & 0x8000) != 0, out + 8 * i);
    }
  }
}

// [32 bytes: points][16 bytes: upper three bits of two points and the signs of
// their deltas][4 x uint16: 4 x 3-bit scale, a nibble of d]
void dequantize_iq1_m(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 56, out += kBlock) {
    std::uint16_t half = 0;
    for (int i = 0; i < 4; ++i) {
      const auto word = read_word<std::uint16_t>(blocks + 48 + 2 * i);
      half = static_cast<std::uint16_t>(half | (word >> 12) << (4 * i));
    }
    std::uint8_t bytes[2];
    std::memcpy(bytes, &half, sizeof(half));
    const float d = read_float16(bytes);
    for (int i = 0; i < 32; ++i) {
      const auto word = read_word<std::uint16_t>(blocks + 48 + 2 * (i / 8));
      const int three = (word >> (3 * ((i / 2) % 4))) & 7;
      const float scale = d * static_cast<float>(2 * three + 1);
      const int high = nibble(blocks + 32, i);
      const std::int8_t* point = kGridIq1S[blocks[i] | ((high & 7) << 8)];
      decode_iq1(scale, point, (high & 8) != 0, out + 8 * i);
    }
  }
}

} // namespace ma
