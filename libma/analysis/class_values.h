// Values at the first token of each class of a sequence: the places whose
// constancy Sun et al. 2024 look at (Table 2).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"
#include "libma/hooks/token_class.h"

namespace ma {

inline constexpr std::int64_t kTextClasses = 5; ///< kStart to kWord

/// For each class of text tokens the column of a row's first token of it, -1
/// where there is none.
using FirstColumns = std::array<std::int64_t, kTextClasses>;

/// The first columns of each row of `batch`; `table` as for classify_tokens.
/// Throws ShapeError as that does.
std::vector<FirstColumns> first_columns(
    const TokenBatch& batch, const torch::Tensor& table);

/// One value a sequence, at its first token of a class, in each dim.
struct ClassValues {
  torch::Tensor means; ///< float64 [stream, class, d_model]: mean signed value
                       ///< over sequences, NaN for a class that no sequence has
  torch::Tensor
      stds; ///< as means: standard deviation, with n - 1; 0 where n is 1
  torch::Tensor magnitudes;         ///< as means: mean |x|
  std::vector<std::int64_t> counts; ///< [class]: sequences with such a token
};

/// Collects ClassValues from the streams of batch after batch; O(streams *
/// d_model) memory.
class ClassValueAccumulator {
 public:
  explicit ClassValueAccumulator(std::int64_t n_streams)
      : counts_(static_cast<std::size_t>(n_streams)) {}

  /// Adds `x` [batch, pos, d_model], which is stream number `stream`.
  void observe(
      std::int64_t stream,
      const torch::Tensor& x,
      const std::vector<FirstColumns>& columns);

  /// What was seen so far; every stream must have seen the same sequences.
  ClassValues finish() const;

 private:
  torch::Tensor
      moments_; ///< float64 [stream, 3, class, d_model]: mean, sum of squared
                ///< deviations, sum of |x|; allocated at once, because small
                ///< blocks that outlive a pass would scatter the heap
  std::vector<std::array<std::int64_t, kTextClasses>>
      counts_; ///< [stream][class]
};

} // namespace ma
