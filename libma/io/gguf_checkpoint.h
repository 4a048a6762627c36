// A GGUF file as a checkpoint.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "libma/io/checkpoint.h"
#include "libma/io/gguf.h"

namespace ma {

/// One GGUF file that holds a whole model. A model split over several files is
/// refused.
class GgufCheckpoint : public Checkpoint {
 public:
  /// Throws FileError when the file cannot be read or is one part of several.
  explicit GgufCheckpoint(const std::filesystem::path& path);

  CheckpointFormat format() const override { return CheckpointFormat::kGguf; }
  const std::filesystem::path& path() const override { return file_.path(); }
  const nlohmann::json& config() const override { return file_.metadata(); }
  const std::map<std::string, TensorInfo>& tensors() const override {
    return file_.tensors();
  }
  torch::Tensor load(
      const std::string& name, torch::ScalarType dtype) const override {
    return file_.load(name, dtype);
  }
  std::vector<std::filesystem::path> files() const override {
    return {file_.path()};
  }

  const GgufFile& file() const { return file_; }

 private:
  GgufFile file_;
};

} // namespace ma
