// Magnitudes of one prompt over tokens and dims: the surfaces of Sun et al.
// 2024, Figures 1 to 3.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"
#include "libma/core/tensor.h"
#include "libma/models/model.h"

namespace ma {

/// The streams of one prompt.
struct MagnitudeSurface {
  std::string prompt;
  bool has_bos = false;
  std::vector<std::int64_t> ids;        ///< [pos]
  std::vector<std::string> tokens = {}; ///< their texts, [pos]
  std::vector<std::int64_t> layers;     ///< 0-based; -1: before block 0
  torch::Tensor values = {}; ///< float32 (float64 of a float64 model) [layer,
                             ///< pos, d_model] on the CPU: signed
  std::vector<double> medians = {}; ///< [layer]: lower median magnitude of all
                                    ///< tokens and dims
};

/// The streams of `prompt` after the blocks `layers` (-1: before block 0) in
/// one pass; a BOS in front only when asked for. Throws ConfigError when there
/// is no such block, no token, or no BOS; FileError without a tokenizer.
MagnitudeSurface magnitude_surface(
    const Model& model,
    const std::string& prompt,
    const std::vector<std::int64_t>& layers,
    bool add_bos = false);

/// One row a layer, token and dim: the `top` dims of the largest magnitude of
/// each token, and whether they meet the criterion. Throws ConfigError unless
/// `top` is at least 1.
Table features_table(
    const MagnitudeSurface& surface,
    std::int64_t top = 3,
    const MassiveCriterion& criterion = {});

} // namespace ma
