// What several models' massive activations have in common: one summary a model,
// and the tables of them (Sun et al. 2024, Table 1 and appendix A).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"

namespace ma {

/// One model of a comparison, and what was found in it.
struct ModelSummary {
  std::string label = {};
  std::string base =
      {}; ///< label of the model that it makes a pair with; empty: none
  std::string architecture = {};
  std::int64_t n_layers = 0;
  std::int64_t d_model = 0;
  std::int64_t n_parameters = 0; ///< a tied output head counted once
  std::string dtype = {};
  std::string device = {};     ///< as used: "cuda:0", not "auto"
  bool has_bos = false;        ///< a BOS in front of each sequence
  MassiveProfile profile = {}; ///< of a model that failed: empty
  std::string failure = {};    ///< why there is no profile; empty when there is
};

/// One row a model: architecture, size, whether anything is massive, how many
/// dims, from which block to which, and, at the block where the strongest site
/// peaks, the largest magnitude, the median and their ratio (means over
/// sequences). Where nothing is massive, the dim of the largest max/median
/// stands in parentheses. Models that failed have their reason in a column of
/// its own, which is left out when there are none.
Table comparison_table(const std::vector<ModelSummary>& models);

/// One row a model and site, as sites_table; `massive` says whether the site
/// meets the criterion.
Table comparison_sites_table(const std::vector<ModelSummary>& models);

/// One row a model and block, as layers_table.
Table comparison_layers_table(const std::vector<ModelSummary>& models);

/// One row a model: the five largest magnitudes, those that the largest 1 % and
/// 10 % reach, and the median, at the block where the strongest site peaks
/// (means over sequences). Table 1 of the paper, which shows one sequence.
Table magnitudes_table(const std::vector<ModelSummary>& models);

/// One row a model with a base that was measured too: dims that both have, that
/// only one has, first blocks and largest magnitudes side by side. Appendix A.2
/// (tuned models) and A.3 (BOS) of the paper.
Table pairs_table(const std::vector<ModelSummary>& models);

/// All of a summary but the means of its profile, as JSON and back, bit for
/// bit. Throws ConfigError on JSON that is no summary.
nlohmann::json to_json(const ModelSummary& summary);
ModelSummary model_summary_from_json(const nlohmann::json& json);

} // namespace ma
