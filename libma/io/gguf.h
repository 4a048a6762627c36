// GGUF, the file format of llama.cpp: typed metadata and (quantised) tensors.
// Versions 2 and 3, little-endian.
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/tensor.h"
#include "libma/io/checkpoint.h"

namespace ma {

/// One GGUF file, mapped into memory. Copies share the mapping; all members may
/// be called from several threads.
class GgufFile {
 public:
  /// Reads header, metadata and tensor list, and checks every count, length,
  /// type and offset against the file. Throws FileError when it is not GGUF,
  /// big-endian, of another version, truncated or inconsistent.
  static GgufFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const;

  std::uint32_t version() const;

  /// The scalar metadata as one flat object: {"general.architecture": "llama",
  /// "llama.block_count": 30, ...}.
  const nlohmann::json& metadata() const;

  /// Whether there is metadata called `key`, scalar or array.
  bool has(const std::string& key) const;

  /// The array `key`, in the file's order. Strings are the file's bytes (tokens
  /// need not be UTF-8). Each throws UnknownNameError when there is no such
  /// array and FileError when its elements are of another type (int_array reads
  /// every integer type and bool, float_array both float types).
  std::vector<std::string> string_array(const std::string& key) const;
  std::vector<std::int64_t> int_array(const std::string& key) const;
  std::vector<double> float_array(const std::string& key) const;

  /// The array `key` whatever its elements, nested arrays included.
  nlohmann::json array(const std::string& key) const;

  /// Every tensor by name; shapes are row-major (GGUF's own order reversed).
  const std::map<std::string, TensorInfo>& tensors() const;

  /// The tensor `name` converted to `dtype`, in memory of its own. Quantised
  /// values are those of the `gguf` Python package: bit by bit in float32,
  /// rounded from there to other types. Throws UnknownNameError when there is
  /// no such tensor, FileError when its encoding is not supported, ShapeError
  /// when `dtype` cannot hold its values.
  torch::Tensor load(const std::string& name, torch::ScalarType dtype) const;

 private:
  struct Contents;
  explicit GgufFile(std::shared_ptr<const Contents> contents);

  std::shared_ptr<const Contents> contents_;
};

} // namespace ma
