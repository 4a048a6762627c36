// Texts and journals around evaluate_conditions.
#include "experiments/common/evaluation.h"

#include "experiments/common/problems.h"

#include "libma/eval/corpus.h"

namespace ma::experiments {

Evaluation make_evaluation(
    const EvaluationSettings& settings,
    const Tokenizer& tokenizer,
    const std::filesystem::path& home) {
  Evaluation made{.tokens_per_pass = settings.tokens_per_pass};
  std::map<std::string, Corpus> corpora; // each read once
  for (const PerplexitySettings& wanted : settings.perplexity) {
    if (!corpora.contains(wanted.task)) {
      const auto& corpus =
          corpora.emplace(wanted.task, load_corpus(wanted.task, home))
              .first->second;
      made.text_files.merge(hash_files({corpus.path}));
    }
    made.tasks.emplace_back(
        PerplexityTask{
            .name = wanted.name,
            .windows = make_windows(
                corpus_documents(corpora.at(wanted.task), wanted.documents),
                tokenizer,
                wanted.windows),
            .divergence = settings.divergence});
  }
  return made;
}

nlohmann::json journal_inputs(
    const Calibrated& calibrated, const Evaluation& evaluation) {
  auto inputs = journal_inputs(calibrated);
  inputs["evaluated"] = evaluation.text_files;
  return inputs;
}

Findings findings_of(
    const Calibrated& calibrated, const Evaluation& evaluation) {
  auto findings = findings_of(calibrated);
  findings.text_files.insert(
      evaluation.text_files.begin(), evaluation.text_files.end());
  return findings;
}

AblationResult evaluate(
    const Model& model,
    const std::vector<Condition>& conditions,
    const Evaluation& evaluation,
    JsonlJournal& journal,
    const Run& run) {
  AblationOptions options{
      .tokens_per_pass = evaluation.tokens_per_pass,
      .progress = run.progress()};
  for (const auto& line : journal.recovered()) {
    options.finished.push_back(ablation_score_from_json(line));
  }
  options.on_score = [&](const AblationScore& score) {
    journal.append(to_json(score));
  };
  return evaluate_conditions(model, conditions, evaluation.tasks, options);
}

void check_evaluation(
    const ModelSettings& model,
    const FindSettings& find,
    const EvaluationSettings& settings,
    const std::filesystem::path& home,
    const FitsModel& fits) {
  Checks checks;
  checks.attempt([&] { check_calibrated(model, find, home, fits); });
  for (const PerplexitySettings& wanted : settings.perplexity) {
    checks.attempt([&] { load_corpus(wanted.task, home); });
  }
  checks.finish();
}

} // namespace ma::experiments
