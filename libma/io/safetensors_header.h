// The JSON header of a safetensors file, checked against the file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "libma/core/tensor.h"
#include "libma/io/checkpoint.h"
#include "libma/io/mapped_file.h"

namespace ma {

struct SafetensorsHeader {
  std::map<std::string, std::string>
      metadata; ///< the strings under `__metadata__`
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::uint64_t>
      offsets; ///< of each tensor, from the start of the file
};

/// Reads and checks the header of `file`. Throws FileError.
SafetensorsHeader read_safetensors_header(const MappedFile& file);

/// torch's type for a type of the format ("BF16"), nothing when libma cannot
/// load it.
std::optional<torch::ScalarType> safetensors_dtype(const std::string& encoding);

} // namespace ma
