// Quantised blocks of ggml to float32, bit by bit as the `gguf` Python package
// computes them.
#pragma once

#include <cstdint>
#include <string_view>

namespace ma {

/// Writes the values of `n_blocks` consecutive blocks to `out`.
using Dequantize =
    void (*)(const std::uint8_t* blocks, std::int64_t n_blocks, float* out);

/// The function for an encoding ("Q4_1", ...), null for those that libma does
/// not dequantise.
Dequantize find_dequantizer(std::string_view encoding);

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

} // namespace ma
