// find_massive over several models: each is loaded, measured and freed before
// the next (Sun et al. 2024, appendix A).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
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

/// What is known of a model without loading its weights.
struct ModelOutline {
  std::string architecture; ///< `model_type` of config.json, or
                            ///< `general.architecture` of GGUF
  std::uint64_t bytes = 0;  ///< of its tensors as stored
  std::unique_ptr<Tokenizer> tokenizer;
};

/// Looks whether the model `name_or_path` is there, of a supported architecture
/// and with a tokenizer. Throws as load_model and load_tokenizer do.
ModelOutline outline_model(
    const std::string& name_or_path, const std::filesystem::path& home = {});

struct CompareOptions {
  MassiveCriterion criterion = {};
  std::filesystem::path home = {}; ///< as LoadOptions::home
  ProgressFn progress = {};        ///< counts sequences
};

/// Loads the model, looks for massive activations over its sequences of
/// `texts`, and frees it. Throws as load_model, cut_sequences and find_massive
/// do.
ModelSummary measure_model(
    const ModelRequest& request,
    const std::vector<std::string>& texts,
    const CompareOptions& options = {});

/// Number of `model`'s parameters by the shapes in its checkpoint: stored
/// buffers do not count, a tied output head counts once. Throws FileError for a
/// model that was made in memory.
std::int64_t count_parameters(const Model& model);

} // namespace ma
