// The tensor encodings of GGUF (ggml's types): numbers, names and block sizes.
#pragma once

#include <cstdint>
#include <vector>

namespace ma {

/// How ggml lays out the values of a tensor: rows are cut into blocks of
/// `block_values` values in `block_bytes` bytes.
struct GgufEncoding {
  std::uint32_t id; ///< ggml's number, as in the file
  const char* name; ///< ggml's name: "F32", "Q4_1", ...
  std::int64_t block_values;
  std::int64_t block_bytes;
};

/// All encodings whose size is known, also those that libma does not
/// dequantise.
const std::vector<GgufEncoding>& gguf_encodings();

/// The encoding numbered `id`, null when there is none.
const GgufEncoding* find_gguf_encoding(std::uint32_t id);

} // namespace ma
