// A checkpoint: named tensors and a configuration on disk, in whatever format,
// memory-mapped and read one tensor at a time.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/core/tensor.h"

namespace ma {

/// How a tensor lies in its file.
struct TensorInfo {
  std::string encoding; ///< the format's own name: "F32", "BF16", "Q4_1", ...
  std::vector<std::int64_t>
      shape; ///< row-major, outermost first, whatever the format's own order
  std::uint64_t bytes = 0; ///< size in the file
};

enum class CheckpointFormat { kHuggingFace, kGguf };

/// Read-only view of a checkpoint. Cheap to open: only headers are read;
/// tensors are mapped, not loaded.
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  virtual CheckpointFormat format() const = 0;

  /// What was opened, for error messages: the folder or the file.
  virtual const std::filesystem::path& path() const = 0;

  /// Hugging Face: `config.json`. GGUF: the metadata as one flat object
  /// ("llama.block_count": 30, ...), arrays (tokens, merges) left out: they are
  /// read through GgufFile.
  virtual const nlohmann::json& config() const = 0;

  /// Every tensor by name.
  virtual const std::map<std::string, TensorInfo>& tensors() const = 0;

  /// The tensor `name` converted to `dtype` (quantised encodings are
  /// dequantised) in memory of its own, on the CPU. Throws UnknownNameError
  /// when there is no such tensor, FileError when its bytes are not there.
  virtual torch::Tensor load(
      const std::string& name, torch::ScalarType dtype) const = 0;

  /// The files that hold configuration and weights, for records (hashes).
  virtual std::vector<std::filesystem::path> files() const = 0;
};

/// Opens a Hugging Face folder (config.json, [sharded] safetensors) or a
/// `.gguf` file. Throws FileError when `path` is neither; pickled checkpoints
/// are refused with advice.
std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path);

/// The entry `name` of `tensors`. Throws UnknownNameError, located at `where`,
/// with the nearest names.
const TensorInfo& find_tensor(
    const std::map<std::string, TensorInfo>& tensors,
    const std::string& name,
    const std::string& where);

} // namespace ma
