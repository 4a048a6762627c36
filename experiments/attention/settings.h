// What is measured of attention: the YAML file as plain structs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/common/find.h"
#include "experiments/common/layer_settings.h"

#include "libma/core/yaml.h"
#include "libma/eval/measure_attention.h"

namespace ma::experiments {

/// What sequences for the sink metric are made of (Gu et al. 2025).
enum class SequenceKind { kNatural, kRandom, kRepeated };

/// "natural", "random", "repeated".
std::string sequence_kind_name(SequenceKind kind);

struct AttentionSettings {
  ModelSettings model;
  FindSettings find; ///< which tokens are massive
  CutOptions cut;    ///< of the sequences whose sinks are measured
  std::vector<SequenceKind> kinds;
  MeasureSinksOptions sinks; ///< all but the blocks
  LayerChoice sink_layers;
  std::vector<std::string> prompts; ///< whose maps are drawn; may be empty
  LayerChoice map_layers;
};

/// Reads every key of `config`. Throws ConfigError, with file, line and key.
AttentionSettings read_attention_settings(const Yaml& config);

} // namespace ma::experiments
