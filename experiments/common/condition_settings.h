// The key `conditions` of an ablation: the rows of its table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "experiments/common/layer_settings.h"

#include "libma/analysis/massive.h"
#include "libma/core/yaml.h"
#include "libma/interventions/intervention.h"

namespace ma::experiments {

/// A token that a selection names by what it is, where others give a position.
struct NamedToken {
  std::size_t index = 0;  ///< of the selection's positions; the number there
                          ///< means nothing
  std::string role = {};  ///< of images "cls", "register:0", "patch:3,4"; of
                          ///< text "start"
  std::string where = {}; ///< file and line, for errors
};

/// Entries that a condition edits; what is left out is discovered.
struct SelectionSettings {
  bool is_massive = false;            ///< the sites that were found
  std::int64_t n_sites = 0;           ///< massive: the strongest n; 0 is all
  bool has_discovered_count = false;  ///< as many entries as are massive
  Selection selection;                ///< everything else
  std::vector<NamedToken> named = {}; ///< positions that the model decides
};

struct ConditionSettings {
  std::string name;
  std::string kind; ///< of intervention; empty for the unedited model, and
                    ///< where registers are fixed
  std::string register_means = {}; ///< what registers are fixed to: "measured",
                                   ///< or a file of means
  LayerChoice layer;               ///< blocks that are edited
  std::string site;                ///< "resid_post"
  SelectionSettings select;
  bool is_mean = false;        ///< set_value to the calibration mean
  InterventionOptions numbers; ///< all but select, site and means
  std::string where = {};      ///< file and line
};

/// The list `conditions`. Throws ConfigError, with file, line and key.
std::vector<ConditionSettings> read_conditions(
    const Yaml& config, const MassiveCriterion& found_by);

} // namespace ma::experiments
