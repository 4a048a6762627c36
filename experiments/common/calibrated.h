// What experiments on calibration text start from: a loaded model and its
// sequences.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "experiments/common/find.h"
#include "experiments/common/run.h"

#include "libma/core/tensor.h"
#include "libma/eval/massive_tokens.h"
#include "libma/models/model.h"

namespace ma::experiments {

/// A model and its calibration sequences, as the keys `model` and `find` ask
/// for.
struct Calibrated {
  Model model;
  torch::Tensor sequences;                  ///< int64 [n, length]
  std::map<std::string, std::string> files; ///< SHA-256 of the model's, by path
  std::map<std::string, std::string> texts; ///< SHA-256 of the text, by path
};

/// Throws as load_model, load_corpus and cut_sequences do.
Calibrated load_calibrated(
    const ModelSettings& model, const FindSettings& find, const Run& run);

/// What decides the numbers of a pass over them, for Run::open_journal.
nlohmann::json journal_inputs(const Calibrated& calibrated);

/// A record's device, dtype and files; the rest is to be filled in.
Findings findings_of(const Calibrated& calibrated);

/// The massive activations over the sequences; says on the log what was found.
MassiveProfile find_massive_in(
    const Calibrated& calibrated, const FindSettings& find, const Run& run);

/// How massive tokens are told, for a record.
nlohmann::json describe(const MassiveTokens& tokens);

/// Throws ConfigError when settings name what a model does not have.
using FitsModel = std::function<void(const DecoderConfig& config)>;

/// What a dry run looks at: prints what loading the model would do, and whether
/// the settings fit it. Throws Problems with all that is not there, and the
/// first setting that does not fit.
void check_calibrated(
    const ModelSettings& model,
    const FindSettings& find,
    const std::filesystem::path& home,
    const FitsModel& fits = {});

} // namespace ma::experiments
