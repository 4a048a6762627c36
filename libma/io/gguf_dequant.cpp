// ggml's block formats of 32 values. The order of the operations is that of
// gguf/quants.py; compiled without fused multiply-add, which would round once
// where it rounds twice.
#include "libma/io/gguf_dequant.h"

#include <array>
#include <cstring>
#include <utility>

#include "libma/io/float16.h"

namespace ma {
namespace {

constexpr int kBlock = 32;
constexpr int kHalf = kBlock / 2;

constexpr std::pair<std::string_view, Dequantize> kTable[] = {
    {"Q4_0", dequantize_q4_0},       {"Q4_1", dequantize_q4_1},
    {"Q5_0", dequantize_q5_0},       {"Q5_1", dequantize_q5_1},
    {"Q8_0", dequantize_q8_0},       {"Q2_K", dequantize_q2_k},
    {"Q3_K", dequantize_q3_k},       {"Q4_K", dequantize_q4_k},
    {"Q5_K", dequantize_q5_k},       {"Q6_K", dequantize_q6_k},
    {"IQ4_NL", dequantize_iq4_nl},   {"IQ4_XS", dequantize_iq4_xs},
    {"MXFP4", dequantize_mxfp4},     {"NVFP4", dequantize_nvfp4},
    {"TQ1_0", dequantize_tq1_0},     {"TQ2_0", dequantize_tq2_0},
#ifdef LIBMA_GGUF_GRIDS
    {"IQ1_S", dequantize_iq1_s},     {"IQ1_M", dequantize_iq1_m},
    {"IQ2_XXS", dequantize_iq2_xxs}, {"IQ2_XS", dequantize_iq2_xs},
    {"IQ2_S", dequantize_iq2_s},     {"IQ3_XXS", dequantize_iq3_xxs},
    {"IQ3_S", dequantize_iq3_s},
#endif
};

/// Those whose tables the build takes from the `gguf` package.
constexpr std::string_view kLattices[] = {
    "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S"};

/// The fifth bits of a block of 32, as 16 for a set one and 0 for a clear one.
std::array<std::uint8_t, kBlock> fifth_bits(const std::uint8_t* bytes) {
  std::array<std::uint8_t, kBlock> bits;
  for (int i = 0; i < kBlock; ++i) {
    bits[i] = static_cast<std::uint8_t>(((bytes[i / 8] >> (i % 8)) & 1) << 4);
  }
  return bits;
}

} // namespace

// [d: float16][16 bytes: value i in the low, i + 16 in the high nibble], d * (q
// - 8)
void dequantize_q4_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 18, out += kBlock) {
    const float d = read_float16(blocks);
    const std::uint8_t* q = blocks + 2;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((q[i] & 15) - 8);
      out[i + kHalf] = d * static_cast<float>((q[i] >> 4) - 8);
    }
  }
}

// [d][m][16 bytes], d * q + m
void dequantize_q4_1(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 20, out += kBlock) {
    const float d = read_float16(blocks);
    const float m = read_float16(blocks + 2);
    const std::uint8_t* q = blocks + 4;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(q[i] & 15) + m;
      out[i + kHalf] = d * static_cast<float>(q[i] >> 4) + m;
    }
  }
}

// [d][4 bytes: fifth bits][16 bytes], d * (q - 16)
void dequantize_q5_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 22, out += kBlock) {
    const float d = read_float16(blocks);
    const auto high = fifth_bits(blocks + 2);
    const std::uint8_t* q = blocks + 6;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>(((q[i] & 15) | high[i]) - 16);
      out[i + kHalf] =
          d * static_cast<float>(((q[i] >> 4) | high[i + kHalf]) - 16);
    }
  }
}

// [d][m][4 bytes: fifth bits][16 bytes], d * q + m
void dequantize_q5_1(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 24, out += kBlock) {
    const float d = read_float16(blocks);
    const float m = read_float16(blocks + 2);
    const auto high = fifth_bits(blocks + 4);
    const std::uint8_t* q = blocks + 8;
    for (int i = 0; i < kHalf; ++i) {
      out[i] = d * static_cast<float>((q[i] & 15) | high[i]) + m;
      out[i + kHalf] =
          d * static_cast<float>((q[i] >> 4) | high[i + kHalf]) + m;
    }
  }
}

// [d][32 x int8], q * d
void dequantize_q8_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out) {
  for (std::int64_t b = 0; b < n_blocks; ++b, blocks += 34, out += kBlock) {
    const float d = read_float16(blocks);
    const auto* q = reinterpret_cast<const std::int8_t*>(blocks + 2);
    for (int i = 0; i < kBlock; ++i) {
      out[i] = static_cast<float>(q[i]) * d;
    }
  }
}

Dequantize find_dequantizer(std::string_view encoding) {
  for (const auto& [name, function] : kTable) {
    if (name == encoding) {
      return function;
    }
  }
  return nullptr;
}

std::string why_not_dequantized(std::string_view encoding) {
  for (const std::string_view name : kLattices) {
    if (name == encoding) {
      return "which takes tables that this build of libma lacks; build it "
             "again where Python has the package gguf (pip install gguf)";
    }
  }
  std::string known;
  for (const auto& entry : kTable) {
    known += std::string(", ") + std::string(entry.first);
  }
  return "which libma does not dequantise; it reads F64, F32, F16, BF16, I8 to "
         "I64" +
         known;
}

} // namespace ma
