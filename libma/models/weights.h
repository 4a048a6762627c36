// From a checkpoint's tensor names to the library's, with every tensor
// accounted for.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/io/checkpoint.h"

namespace ma {

struct DecoderConfig;

/// Rearranges one stored tensor, as the format's converter or the
/// architecture's layout asks for.
using WeightTransform =
    torch::Tensor (*)(const torch::Tensor& stored, const DecoderConfig& config);

/// One stored tensor of a parameter.
struct StoredName {
  StoredName(const char* name, WeightTransform transform = nullptr)
      : name(name), transform(transform) {} // NOLINT

  std::string name; ///< with {} for the block index
  WeightTransform transform;
};

/// A parameter of ours and the stored tensors that make it up, concatenated
/// along the first dim.
struct WeightEntry {
  WeightEntry(const char* ours, StoredName theirs)
      : ours(ours), theirs({std::move(theirs)}) {}
  WeightEntry(const char* ours, std::vector<StoredName> theirs)
      : ours(ours), theirs(std::move(theirs)) {}

  std::string ours; ///< with {} for the block index
  std::vector<StoredName> theirs;
};

using WeightMap = std::vector<WeightEntry>;

/// How an architecture's tensors are stored in one format.
struct WeightLayout {
  WeightMap map;
  std::string optional_prefix; ///< stored names may come without it ("model.")
  std::vector<std::string> ignored; ///< stored tensors that are no parameters;
                                    ///< {} for the block index
};

/// [in, out] -> [out, in]: weights of GPT-2's Conv1D.
torch::Tensor transposed(
    const torch::Tensor& stored, const DecoderConfig& config);

/// Hands out parameters one by one and checks at the end that all was used and
/// nothing was missing.
class WeightLoader {
 public:
  struct Target {
    torch::ScalarType dtype = torch::kFloat32;
    torch::Device device = torch::kCPU;
  };

  WeightLoader(
      const Checkpoint& checkpoint,
      const WeightLayout& layout,
      const DecoderConfig& config,
      Target target);

  /// Whether the checkpoint stores the parameter `ours` of block `layer`.
  bool has(const std::string& ours, std::int64_t layer = -1) const;

  /// The parameter `ours` ("blocks.{}.ln1.weight") of block `layer`, checked to
  /// have `shape`. A missing or misshapen one is remembered, and an undefined
  /// tensor returned, so that `finish` can list them all.
  torch::Tensor take(
      const std::string& ours,
      std::vector<std::int64_t> shape,
      std::int64_t layer = -1);

  /// Throws FileError that lists the missing, misshapen and unexpected tensors,
  /// if there are any.
  void finish();

  /// Marks stored tensors that the model does not need (a tied output head that
  /// is stored all the same).
  void skip(const std::string& ours);

 private:
  const WeightEntry& entry(const std::string& ours) const;
  std::string stored_name(const StoredName& stored, std::int64_t layer) const;

  const Checkpoint& checkpoint_;
  const WeightLayout& layout_;
  const DecoderConfig& config_;
  Target target_;
  std::set<std::string> used_;
  std::vector<std::string> problems_;
};

} // namespace ma
