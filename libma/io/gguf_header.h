// What stands in front of the tensors of a GGUF file: version, metadata, tensor
// list. Checked completely when read.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "libma/io/checkpoint.h"
#include "libma/io/gguf_encoding.h"
#include "libma/io/gguf_value.h"
#include "libma/io/mapped_file.h"

namespace ma {

/// Where the bytes of a tensor are.
struct GgufTensor {
  const GgufEncoding* encoding = nullptr;
  std::uint64_t offset = 0; ///< from the start of the file
};

struct GgufHeader {
  std::uint32_t version = 0;
  nlohmann::json scalars = nlohmann::json::object();
  std::map<std::string, GgufArray> arrays; ///< into the mapped file
  std::map<std::string, GgufTensor> places;
  std::map<std::string, TensorInfo> tensors;
};

/// Reads and checks the header of `file`. Throws FileError.
GgufHeader read_gguf_header(const MappedFile& file);

} // namespace ma
