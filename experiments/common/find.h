// What experiments that look for massive activations have in common: the keys
// `model` and `find`, and a line on what was found.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/core/yaml.h"
#include "libma/eval/calibration.h"
#include "libma/io/tokenizer/tokenizer.h"
#include "libma/models/decoder_config.h"

namespace ma::experiments {

struct ModelSettings {
  std::string name = {}; ///< name, folder or `.gguf` file
  std::string dtype = "float32";
  std::string device = "auto";
};

/// Calibration: where massive activations are looked for and means are taken.
struct FindSettings {
  std::string text = {}; ///< name of a fetched text, or a file
  CutOptions cut = {};
  MassiveCriterion criterion = {};
};

/// The key `device`: a word, or a list of devices that share the blocks, with
/// commas between. Throws ConfigError.
std::string read_device(const Yaml& yaml, const std::string& fallback);

/// A map with `name`; dtype and device are those of `defaults` where it has
/// none. Throws ConfigError.
ModelSettings read_model(const Yaml& yaml, const ModelSettings& defaults = {});

/// The map `find`. Throws ConfigError.
FindSettings read_find(const Yaml& yaml);

/// Throws ConfigError, located at the key `sequences` of `yaml`, when that asks
/// for more sequences than `find` has.
void check_sequences(
    const Yaml& yaml, std::int64_t wanted, const FindSettings& find);

/// The list `prompts`: texts that are looked at one by one. Empty when it is
/// absent. Throws ConfigError, also when one is empty.
std::vector<std::string> read_prompts(const Yaml& config);

/// What is known of a model whose weights were not read.
struct CheckedModel {
  DecoderConfig config;
  std::unique_ptr<Tokenizer> tokenizer;
};

/// Looks whether the model is there and prints what loading it would do. Throws
/// as plan_model and load_tokenizer do.
CheckedModel check_model(
    const ModelSettings& model, const std::filesystem::path& home);

/// "dim 42 at the start token, from block 3 (layer 4) to block 9: mean 1,520.5,
/// std 12, 2,210 x median", of the strongest site.
std::string describe_top_site(const MassiveProfile& profile);

/// Says on the log what was found, and warns when nothing meets the criterion
/// and the strongest entry stands in.
void log_found(const MassiveProfile& profile);

} // namespace ma::experiments
