// Texts and journals around evaluate_conditions.
#include "experiments/common/evaluation.h"

#include <nlohmann/json.hpp>

namespace ma::experiments {

const Corpus& Corpora::operator[](const std::string& name) {
  const auto found = loaded_.find(name);
  return found != loaded_.end()
             ? found->second
             : loaded_.emplace(name, load_corpus(name, home_)).first->second;
}

std::map<std::string, std::string> Corpora::hashes() const {
  std::vector<std::filesystem::path> paths;
  paths.reserve(loaded_.size());
  for (const auto& [name, corpus] : loaded_) {
    paths.push_back(corpus.path);
  }
  return hash_files(paths);
}

std::vector<AblationTask> perplexity_tasks(
    const std::vector<PerplexitySettings>& settings,
    Corpora& corpora,
    const Tokenizer& tokenizer,
    bool divergence) {
  std::vector<AblationTask> tasks;
  tasks.reserve(settings.size());
  for (const PerplexitySettings& wanted : settings) {
    const auto documents =
        corpus_documents(corpora[wanted.task], wanted.documents);
    tasks.emplace_back(
        PerplexityTask{
            .name = wanted.name,
            .windows = make_windows(documents, tokenizer, wanted.windows),
            .divergence = divergence});
  }
  return tasks;
}

void check_texts(
    const std::vector<PerplexitySettings>& settings,
    const std::filesystem::path& home,
    Checks& checks) {
  for (const PerplexitySettings& wanted : settings) {
    checks.attempt([&] { load_corpus(wanted.task, home); });
  }
}

AblationResult evaluate(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    std::int64_t tokens_per_pass,
    JsonlJournal& journal,
    const Run& run) {
  AblationOptions options{
      .tokens_per_pass = tokens_per_pass, .progress = run.progress()};
  for (const auto& line : journal.recovered()) {
    options.finished.push_back(ablation_score_from_json(line));
  }
  options.on_score = [&](const AblationScore& score) {
    journal.append(to_json(score));
  };
  return evaluate_conditions(model, conditions, tasks, options);
}

} // namespace ma::experiments
