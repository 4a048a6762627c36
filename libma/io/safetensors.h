// safetensors, the file format of Hugging Face: a JSON header and plain arrays.
// https://github.com/huggingface/safetensors#format
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "libma/core/tensor.h"
#include "libma/io/checkpoint.h"

namespace ma {

/// One safetensors file, mapped into memory. Copies share the mapping; all
/// members may be called from several threads.
class SafetensorsFile {
 public:
  /// Reads the header and checks it against the file: sizes, types, offsets; no
  /// overlaps, no holes, no key twice. Throws FileError. A tensor of a type
  /// that torch lacks is an error only when it is loaded.
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const;

  /// The strings under `__metadata__`.
  const std::map<std::string, std::string>& metadata() const;

  /// Every tensor by name.
  const std::map<std::string, TensorInfo>& tensors() const;

  /// The tensor `name` converted to `dtype`, in memory of its own.
  /// Throws UnknownNameError when there is no such tensor, FileError when torch
  /// has no such type, ShapeError when `dtype` cannot hold its values.
  torch::Tensor load(const std::string& name, torch::ScalarType dtype) const;

  /// The tensor `name` as it is in the file: its own dtype, no copy where its
  /// bytes are aligned. It keeps the file mapped. For copying to another
  /// device; writing to it is a fault. Throws as `load` does.
  torch::Tensor view(const std::string& name) const;

 private:
  struct Contents;
  explicit SafetensorsFile(std::shared_ptr<const Contents> contents);

  std::shared_ptr<const Contents> contents_;
};

} // namespace ma
