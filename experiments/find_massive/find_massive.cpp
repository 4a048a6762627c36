// find_massive (Sun et al. 2024, appendix A): where several models have their
// massive activations, in one table.
#include <map>
#include <optional>
#include <set>

#include "experiments/common/experiment.h"
#include "experiments/common/host.h"
#include "experiments/common/interrupt.h"
#include "experiments/find_massive/settings.h"
#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/log.h"
#include "libma/core/names.h"
#include "libma/eval/corpus.h"
#include "libma/io/checkpoint.h"
#include "libma/io/model_source.h"
#include "libma/nn/linear.h"

namespace ma::experiments {
namespace {

using Hashes = std::map<std::string, std::string>; // path -> SHA-256

/// "2/5 label".
std::string numbered(
    const std::vector<ModelRequest>& models, std::size_t index) {
  return c10::str(index + 1, "/", models.size(), " ", models[index].label);
}

std::string failure_line(
    const ModelRequest& model, const std::string& message) {
  return "model '" + model.label + "': " + message;
}

/// "float32, 32 sequences of 512 tokens, no BOS".
std::string describe(const ModelRequest& model) {
  return c10::str(
      dtype_name(model.dtype),
      ", ",
      model.cut.sequences,
      " sequences of ",
      model.cut.length,
      " tokens, ",
      model.cut.add_bos ? "with BOS" : "no BOS");
}

/// Says what would run, and throws Problems with all that could not.
void check_models(
    const FindMassiveSettings& settings, const std::filesystem::path& home) {
  Checks checks;
  std::optional<Corpus> corpus;
  checks.attempt([&] { corpus = load_corpus(settings.find.text, home); });
  for (std::size_t i = 0; i < settings.models.size(); ++i) {
    const ModelRequest& model = settings.models[i];
    checks.attempt(
        [&] {
          log::info(numbered(settings.models, i) + ": " + describe(model));
          const auto checked = check_model(
              {.name = model.name,
               .dtype = dtype_name(model.dtype),
               .device = model.device},
              home);
          if (corpus) {
            cut_sequences(*checked.tokenizer, corpus->texts, model.cut);
          }
        },
        failure_line(model, ""));
  }
  checks.finish();
}

/// What an earlier run of the same config measured, by label.
class Measured {
 public:
  explicit Measured(JsonlJournal journal) : journal_(std::move(journal)) {}

  /// The summary of `label` if it was measured on these very files.
  std::optional<ModelSummary> find(
      const std::string& label, const Hashes& files) const {
    for (const auto& line : journal_.recovered()) {
      if (line.at("summary").at("label") == label &&
          line.at("files").get<Hashes>() == files) {
        return model_summary_from_json(line.at("summary"));
      }
    }
    return {};
  }

  void add(const ModelSummary& summary, const Hashes& files) {
    journal_.append({{"files", files}, {"summary", to_json(summary)}});
  }

 private:
  JsonlJournal journal_;
};

/// The comparison as it grows.
struct Comparison {
  std::vector<ModelSummary> models;
  Hashes files;                      ///< of all models
  std::vector<std::string> failures; ///< one line each
};

/// The summary of one model: from the journal, or measured now.
ModelSummary summarize(
    const ModelRequest& model,
    const std::vector<std::string>& texts,
    const CompareOptions& options,
    Measured& measured,
    Hashes& all_files) {
  const auto checkpoint = open_checkpoint(find_model(model.name, options.home));
  const auto files = hash_files(checkpoint->files());
  all_files.insert(files.begin(), files.end());
  if (auto summary = measured.find(model.label, files)) {
    log::info("measured by an earlier run");
    return *std::move(summary);
  }
  auto summary = measure_model(model, texts, options);
  measured.add(summary, files);
  return summary;
}

void log_summary(const ModelSummary& summary) {
  if (!summary.profile.meets_criterion) {
    log::warn(
        "nothing meets the criterion; largest max / median: " +
        describe_top_site(summary.profile));
    return;
  }
  log::info("found " + describe_top_site(summary.profile));
}

/// Measures one model after the other; one that cannot be measured does not
/// keep the others from it.
Comparison compare(
    const FindMassiveSettings& settings,
    const std::vector<std::string>& texts,
    Measured& measured,
    const Run& run) {
  const CompareOptions options{
      .criterion = settings.find.criterion,
      .home = run.home(),
      .progress = run.progress()};
  Comparison found;
  for (std::size_t i = 0; i < settings.models.size(); ++i) {
    const ModelRequest& model = settings.models[i];
    run.check_interrupt();
    log::info(numbered(settings.models, i) + ": " + describe(model));
    ModelSummary summary{
        .label = model.label,
        .base = model.base,
        .dtype = dtype_name(model.dtype),
        .has_bos = model.cut.add_bos};
    try {
      summary = summarize(model, texts, options, measured, found.files);
      log_summary(summary);
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception& error) {
      const bool is_users = dynamic_cast<const Error*>(&error) != nullptr;
      if (!is_users && !is_out_of_memory(error)) {
        throw;
      }
      summary.failure = one_line(error);
      found.failures.push_back(failure_line(model, summary.failure));
      log::warn("failed: " + summary.failure);
    }
    found.models.push_back(std::move(summary));
    release_freed_memory();
  }
  return found;
}

std::string distinct_words(const std::set<std::string>& words) {
  return join({words.begin(), words.end()});
}

void write_results(
    const Comparison& found, const Hashes& text_files, const Run& run) {
  const Table table = comparison_table(found.models);
  run.write_table(table);
  const Table pairs = pairs_table(found.models);
  if (!pairs.rows().empty()) {
    run.write_table(pairs, "pairs");
  }
  run.write_table(magnitudes_table(found.models), "magnitudes");
  run.write_table(comparison_sites_table(found.models), "sites");
  run.write("layers.csv", comparison_layers_table(found.models).to_csv());
  std::set<std::string> devices;
  std::set<std::string> dtypes;
  auto described = nlohmann::json::array();
  for (const ModelSummary& model : found.models) {
    described.push_back(to_json(model));
    if (model.failure.empty()) {
      devices.insert(model.device);
      dtypes.insert(model.dtype);
    }
  }
  run.write_record(
      {.device = distinct_words(devices),
       .dtype = distinct_words(dtypes),
       .model_files = found.files,
       .text_files = text_files,
       .metrics = metrics_of(table),
       .details = {{"models", std::move(described)}}});
}

void find_massive_in_models(const FindMassiveSettings& settings, Run& run) {
  const Corpus corpus = load_corpus(settings.find.text, run.home());
  const Hashes text_files = hash_files({corpus.path});
  Measured measured(run.open_journal(
      {{"text", text_files},
       {"products", nn::product_library()},
       {"cuda", at::hasCUDA()}}));
  const auto found = compare(settings, corpus.texts, measured, run);
  write_results(found, text_files, run);
  if (!found.failures.empty()) {
    throw Problems(found.failures);
  }
}

} // namespace

int run_find_massive(const std::vector<std::string>& args) {
  return run_experiment(
      "find_massive",
      "Where the massive activations of several models are, in one table",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_find_massive_settings(config);
        return {
            .work = [=](Run& run) { find_massive_in_models(settings, run); },
            .check = [=](const auto& home) { check_models(settings, home); }};
      });
}

} // namespace ma::experiments
