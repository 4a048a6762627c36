// What the features of a model are worth: cosines, nearest neighbours, linear
// probes, top-k accuracy.
#pragma once

#include <cstdint>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// Cosine of each row of `a` with that of `b`, both [n, d]: float64 [n].
torch::Tensor row_cosines(const torch::Tensor& a, const torch::Tensor& b);

/// The row that is nearest to each row of `features` [n, d] by cosine, itself
/// left out: int64 [n]. Throws ShapeError when there is but one row.
torch::Tensor nearest_rows(const torch::Tensor& features);

/// Classes by the `k` nearest rows of `features` [n, d], the row itself left
/// out: int64 [n]. A neighbour's vote weighs 1 + similarity / 1000, so that
/// similarity decides ties. `labels` is int64 [n], none negative. Throws
/// ShapeError when there are not more than k rows, or labels do not fit.
torch::Tensor knn_classes(
    const torch::Tensor& features, const torch::Tensor& labels, std::int64_t k);

/// How a linear probe is trained and tested: ridge regression onto one-hot
/// labels, in float64.
struct ProbeOptions {
  std::int64_t folds = 5; ///< image i is tested by the probe of fold i % folds,
                          ///< trained on the others
  double penalty = 1e-3;  ///< of the squared weights, relative to the mean
                          ///< square of a centred dim, no unit
};

/// Classes of the rows of `tested` [n, d] by probes trained on those of
/// `trained` [n, d], the same images: int64 [n]. Throws ShapeError when there
/// are fewer images than folds, or labels do not fit.
torch::Tensor probe_classes(
    const torch::Tensor& trained,
    const torch::Tensor& tested,
    const torch::Tensor& labels,
    const ProbeOptions& options = {});

/// Share of true entries of bool [n] and its standard error, %.
Estimate percentage(const torch::Tensor& hits);

} // namespace ma
