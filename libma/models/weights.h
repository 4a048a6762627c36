// From a checkpoint's tensor names to the library's, with every tensor
// accounted for.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/io/checkpoint.h"
#include "libma/models/placement.h"

namespace ma {

struct TransformerConfig;

/// Rearranges one stored tensor, as the format's converter or the
/// architecture's layout asks for.
using WeightTransform = torch::Tensor (*)(
    const torch::Tensor& stored, const TransformerConfig& config);

/// One stored tensor of a parameter.
struct StoredName {
  StoredName(const char* name, WeightTransform transform = nullptr)
      : name(name), transform(transform) {} // NOLINT

  std::string name; ///< with {} for the block index; {each} stands for 0, 1,
                    ///< ... as far as the checkpoint has them
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

/// `base` with the entries of `changes` in place of those of the same
/// parameter; new ones join at the end.
WeightMap with(WeightMap base, const WeightMap& changes);

/// `map` and other spellings of some parameters: where a checkpoint lacks the
/// first spelling's tensors, the next is looked for.
WeightMap or_else(WeightMap map, const WeightMap& alternatives);

/// How an architecture's tensors are stored in one format.
struct WeightLayout {
  WeightMap map;
  std::string optional_prefix; ///< stored names may come without it ("model.")
  std::vector<std::string> ignored; ///< stored tensors that are no parameters;
                                    ///< {} for the block index, * at the end
                                    ///< for all that begin so
};

/// [a, b, ...] -> [a, b x ...]: kernels of convolutions.
torch::Tensor flat_rows(
    const torch::Tensor& stored, const TransformerConfig& config);

/// [..., d_model] -> [n, d_model]: tokens and positions.
torch::Tensor as_rows(
    const torch::Tensor& stored, const TransformerConfig& config);

/// [in, out] -> [out, in]: weights of GPT-2's Conv1D.
torch::Tensor transposed(
    const torch::Tensor& stored, const TransformerConfig& config);

/// Rows that lie [kv_head, (query heads of the group | k | v), d_head] to
/// [q heads | k heads | v heads].
torch::Tensor ungrouped_qkv(
    const torch::Tensor& stored, const TransformerConfig& config);

/// Rows of q, or of k, that GGUF stores for the rotation of neighbouring dims,
/// to the order for the rotation of halves.
torch::Tensor unpermuted_q(
    const torch::Tensor& stored, const TransformerConfig& config);
torch::Tensor unpermuted_k(
    const torch::Tensor& stored, const TransformerConfig& config);

/// [expert, out, in] -> [expert out, in].
torch::Tensor joined_experts(
    const torch::Tensor& stored, const TransformerConfig& config);

/// A parameter that the model asked for.
struct Parameter {
  std::string ours; ///< with {} for the block index
  std::int64_t layer = -1;
  std::vector<std::int64_t> shape;
  torch::Device device = torch::kCPU;
  bool is_copy = false; ///< of another parameter, on another device

  std::int64_t numel() const; ///< entries
};

/// Hands out parameters one by one and checks at the end that all was used and
/// nothing was missing.
class WeightLoader {
 public:
  struct Target {
    torch::ScalarType dtype = torch::kFloat32;
    Placement placement;
    bool is_plan = false; ///< names and sizes alone: parameters are tensors
                          ///< without memory
  };

  WeightLoader(
      const Checkpoint& checkpoint,
      const WeightLayout& layout,
      const TransformerConfig& config,
      Target target);

  /// The parameter `ours` ("blocks.{}.ln1.weight") of block `layer`, checked to
  /// have `shape`. A missing or misshapen one is remembered, and an undefined
  /// tensor returned, so that `finish` can list them all.
  torch::Tensor take(
      const std::string& ours,
      std::vector<std::int64_t> shape,
      std::int64_t layer = -1);

  /// `parameter` once more, as `ours`, on the device of that. What is stored
  /// under that name all the same (a tied output head) is not needed.
  torch::Tensor reuse(const torch::Tensor& parameter, const std::string& ours);

  /// Throws FileError that lists the missing, misshapen and unexpected tensors,
  /// if there are any.
  void finish();

  /// What was asked for, in that order.
  const std::vector<Parameter>& parameters() const { return parameters_; }

  /// Where parameters go; without memory in a plan.
  Placement placement() const;

 private:
  /// A stored tensor of a parameter.
  struct Part {
    std::string name;
    WeightTransform transform;
  };

  const WeightEntry& entry(const std::string& ours, std::int64_t layer) const;
  bool has(const std::string& name) const;
  std::string stored_name(const std::string& name, std::int64_t layer) const;
  std::vector<Part> parts_of(const std::string& ours, std::int64_t layer) const;
  void check_rows(
      const Part& part,
      torch::IntArrayRef found,
      torch::IntArrayRef shape,
      std::int64_t filled);
  torch::Tensor join_parts(
      const std::vector<Part>& parts, const Parameter& parameter);

  const Checkpoint& checkpoint_;
  const WeightLayout& layout_;
  const TransformerConfig& config_;
  Target target_;
  std::set<std::string> used_;
  std::vector<std::string> problems_;
  std::vector<Parameter> parameters_;
};

} // namespace ma
