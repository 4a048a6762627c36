// The compression function of SHA-256.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ma {

/// Updates `state` (8 words) with `n_blocks` blocks of 64 bytes.
void sha256_blocks(
    std::uint32_t* state, const std::uint8_t* data, std::size_t n_blocks);

/// The same without special instructions; public for the test that compares the
/// two.
void sha256_blocks_portable(
    std::uint32_t* state, const std::uint8_t* data, std::size_t n_blocks);

} // namespace ma
