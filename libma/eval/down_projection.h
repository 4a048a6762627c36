// The matrix of a block that writes the MLP's neurons to the stream, and edits
// that act as if entries of it were zero.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"
#include "libma/interventions/intervention.h"
#include "libma/models/model.h"
#include "libma/models/parameters.h"
#include "libma/nn/linear.h"
#include "libma/nn/norm.h"

namespace ma {

/// An entry of a down-projection: blocks.{layer}.mlp.down.weight[dim, neuron].
struct DownWeight {
  std::int64_t layer = 0;  ///< 0-based block
  std::int64_t dim = 0;    ///< row: the dim of the stream that it writes
  std::int64_t neuron = 0; ///< column: the neuron that it reads

  auto operator<=>(const DownWeight&) const = default;
};

/// What a neuron each, and the bias, give to one entry of `mlp_out`.
struct MlpTerms {
  torch::Tensor neurons; ///< float64 [d_mlp], on the CPU
  double bias = 0;
};

/// From `mlp.post` to `mlp_out` of one block: the down-projection, and the norm
/// and the layer scale behind it, where the architecture has them.
class DownProjection {
 public:
  /// Throws ConfigError when there is no such block, or its MLP is a mixture of
  /// experts.
  DownProjection(
      const Model& model,
      const ParameterReader& parameters,
      std::int64_t layer);

  /// [d_model, d_mlp]
  const torch::Tensor& weight() const { return down_.weight; }

  /// The same with zeros at the dims and neurons of `entries`. Throws
  /// ConfigError when one is outside the matrix.
  DownProjection zeroed(const std::vector<DownWeight>& entries) const;

  /// Moves its parameters, which are the model's in value only, to `device`.
  void move_to(torch::Device device);

  /// `mlp_out` [batch, pos, d_model] of `post` [batch, pos, d_mlp], by the
  /// model's own operations.
  torch::Tensor operator()(const torch::Tensor& post) const;

  /// The terms of `out`, the entry `dim` of `mlp_out` at a token whose neurons
  /// are `post` [d_mlp]; computed in double. Behind a norm or a layer scale
  /// each has its share of the factor from the matrix's output to `out`; they
  /// sum to `out` where that is linear (RMSNorm).
  MlpTerms terms(const torch::Tensor& post, std::int64_t dim, double out) const;

 private:
  void make_norm();

  std::int64_t layer_;
  nn::Linear down_;
  torch::Tensor gain_; ///< [d_model], layer scale; may be undefined
  bool has_norm_ = false;
  nn::NormOptions norm_options_;
  nn::NormWeights norm_weights_;
  std::shared_ptr<HookTable> norm_hooks_; ///< of norm_ alone: nobody's
  std::shared_ptr<const nn::Norm> norm_;  ///< null when there is none
};

/// Edits that act as if `entries` were zero in the model's parameters, which
/// are not touched: two for each block, one that keeps `mlp.post` and one that
/// puts in what `mlp_out` would be. Use both together.
///
/// The result is the model's own, to the bit, with the entries set to zero; an
/// `mlp_out` that hooks before have altered gets the difference. Their
/// statistics count what belongs to the entries' neurons and dims. The
/// kind, "zero_weight", is none that a file of interventions may hold. Throws
/// as DownProjection does, ConfigError when there are no entries.
std::vector<Intervention> zero_weights(
    const Model& model, const std::vector<DownWeight>& entries);

} // namespace ma
