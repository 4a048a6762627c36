// Quantised blocks of ggml to float32, bit by bit as the `gguf` Python package
// computes them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ma {

/// Writes the values of `n_blocks` consecutive blocks to `out`.
using Dequantize =
    void (*)(const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

/// The function for an encoding ("Q4_1", ...), null for those that libma does
/// not dequantise.
Dequantize find_dequantizer(std::string_view encoding);

/// Why `find_dequantizer` is null for an encoding, and what to do.
std::string why_not_dequantized(std::string_view encoding);

// Blocks of 32 values: one scale (float16) each, _1 with an offset
// (gguf_dequant.cpp).
void dequantize_q4_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q4_1(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q5_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q5_1(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q8_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

// Blocks of 256 values with quantised scales for groups of 16 or 32
// (gguf_dequant_k.cpp).
void dequantize_q2_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q3_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q4_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q5_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_q6_k(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

// Codes of 4 bits that stand for the values of a table
// (gguf_dequant_4bit.cpp).
void dequantize_iq4_nl(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq4_xs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_mxfp4(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_nvfp4(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

// Values of {-1, 0, 1} (gguf_dequant_ternary.cpp).
void dequantize_tq1_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_tq2_0(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

// Points of lattices (gguf_dequant_iq.cpp); only in a build that has their
// tables.
void dequantize_iq1_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq1_m(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq2_xxs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq2_xs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq2_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq3_xxs(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);
void dequantize_iq3_s(
    const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

} // namespace ma
