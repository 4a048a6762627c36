// Spectra of a model's matrices and gains of its norms where massive
// activations live.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "libma/analysis/spectrum.h"
#include "libma/core/progress.h"
#include "libma/models/model.h"

namespace ma {

struct WeightSpectraOptions {
  std::vector<std::int64_t> layers = {}; ///< 0-based blocks; empty: all
  std::vector<std::int64_t> dims = {};   ///< of the stream, to look at
  std::map<std::int64_t, std::vector<std::int64_t>> neurons =
      {};                   ///< of the MLP, to look at, by block
  ProgressFn progress = {}; ///< counts blocks
};

/// Of each block the matrices that write the stream (`attn.out`, `mlp.down`)
/// and those of the MLP that read it (`mlp.gate`, `mlp.up`; without gate
/// `mlp.up` alone), one in memory at a time. Of a mixture of experts `attn.out`
/// alone. Throws ConfigError on a block that is not there, ShapeError on a dim
/// or neuron.
std::vector<WeightSpectrum> weight_spectra(
    const Model& model, const WeightSpectraOptions& options = {});

/// Gains at `dims` of all norms of the stream, in the order of a forward pass;
/// none where the architecture has none. Throws ShapeError on a dim that is not
/// there.
std::vector<NormGain> norm_gains(
    const Model& model, const std::vector<std::int64_t>& dims);

} // namespace ma
