// A Hugging Face folder as a checkpoint: config.json and [sharded] safetensors.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/io/checkpoint.h"
#include "libma/io/safetensors.h"

namespace ma {

/// Which shard holds which tensor, from `model.safetensors.index.json`.
/// Throws FileError when the file is not such an index or names a shard outside
/// its own folder.
std::map<std::string, std::string> read_shard_index(
    const std::filesystem::path& index);

/// Reads `config.json` and `model.safetensors`, or else the shards that
/// `model.safetensors.index.json` lists (the order in which transformers looks
/// for them). Pickled weights are refused.
class HfFolder : public Checkpoint {
 public:
  /// Opens every shard and checks the index against them: each tensor it lists
  /// is in the shard it says, and no tensor is in two. Tensors that the index
  /// leaves out are listed too. Throws FileError.
  explicit HfFolder(const std::filesystem::path& folder);

  CheckpointFormat format() const override {
    return CheckpointFormat::kHuggingFace;
  }
  const std::filesystem::path& path() const override { return path_; }
  const nlohmann::json& config() const override { return config_; }
  const std::map<std::string, TensorInfo>& tensors() const override {
    return tensors_;
  }
  torch::Tensor load(
      const std::string& name, torch::ScalarType dtype) const override;
  std::vector<std::filesystem::path> files() const override { return files_; }

 private:
  void open_shards(const std::filesystem::path& index);
  void add_shard(const std::filesystem::path& path);

  std::filesystem::path path_;
  nlohmann::json config_;
  std::vector<std::filesystem::path> files_;
  std::vector<SafetensorsFile> shards_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, std::size_t> shard_of_;
};

} // namespace ma
