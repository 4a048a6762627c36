// find_massive over several models: each is loaded, measured and freed before
// the next (Sun et al. 2024, appendix A).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libma/analysis/comparison.h"
#include "libma/core/progress.h"
#include "libma/eval/calibration.h"
#include "libma/models/model.h"

namespace ma {

/// One model of a comparison, before it is loaded.
struct ModelRequest {
  std::string name;  ///< as for load_model
  std::string label; ///< its name in the tables
  std::string base =
      {}; ///< label of the model that it makes a pair with; empty: none
  std::string device = "auto";
  torch::ScalarType dtype = torch::kFloat32;
  CutOptions cut = {}; ///< how the texts become its sequences
};

struct CompareOptions {
  MassiveCriterion criterion = {};
  std::filesystem::path home = {}; ///< as LoadOptions::home
  ProgressFn progress = {};        ///< counts sequences
};

/// What a comparison says of a loaded model; without its profile. `has_bos`:
/// whether its sequences begin with one.
ModelSummary summary_of(
    const Model& model, const std::string& label, bool has_bos);

/// Loads the model, looks for massive activations over its sequences of
/// `texts`, and frees it. Throws as load_model, cut_sequences and find_massive
/// do.
ModelSummary measure_model(
    const ModelRequest& request,
    const std::vector<std::string>& texts,
    const CompareOptions& options = {});

} // namespace ma
