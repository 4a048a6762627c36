// Measuring conditions on texts, and going on where an earlier run stopped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "experiments/common/calibrated.h"
#include "experiments/common/evaluation_settings.h"
#include "experiments/common/run.h"
#include <nlohmann/json.hpp>

#include "libma/core/journal.h"
#include "libma/eval/ablation.h"
#include "libma/io/tokenizer/tokenizer.h"
#include "libma/models/model.h"

namespace ma::experiments {

/// What conditions are measured on.
struct Evaluation {
  std::vector<AblationTask> tasks = {};
  std::map<std::string, std::string> text_files = {}; ///< SHA-256, by path
  std::int64_t tokens_per_pass = 0;
};

/// A column of perplexities for each text. Throws as load_corpus and
/// make_windows do.
Evaluation make_evaluation(
    const EvaluationSettings& settings,
    const Tokenizer& tokenizer,
    const std::filesystem::path& home);

/// What decides the numbers, for Run::open_journal.
nlohmann::json journal_inputs(
    const Calibrated& calibrated, const Evaluation& evaluation);

/// A record's device, dtype and files; the rest is to be filled in.
Findings findings_of(
    const Calibrated& calibrated, const Evaluation& evaluation);

/// evaluate_conditions, without what `journal` has from an earlier run; each
/// new score joins it. Throws as evaluate_conditions does.
AblationResult evaluate(
    const Model& model,
    const std::vector<Condition>& conditions,
    const Evaluation& evaluation,
    JsonlJournal& journal,
    const Run& run);

/// What a dry run looks at: as check_calibrated, and whether the texts are
/// there. Throws Problems.
void check_evaluation(
    const ModelSettings& model,
    const FindSettings& find,
    const EvaluationSettings& settings,
    const std::filesystem::path& home,
    const FitsModel& fits = {});

} // namespace ma::experiments
