// trajectory (Sun et al. 2024, section 4.2, figure 7): what the norm before
// attention makes of massive activations, on to queries, keys and values.
#include <map>
#include <utility>

#include "experiments/common/calibrated.h"
#include "experiments/common/experiment.h"
#include "experiments/trajectory/settings.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/massive_tables.h"
#include "libma/analysis/norm_trajectory_tables.h"
#include "libma/core/log.h"
#include "libma/core/table_columns.h"
#include "libma/eval/norm_trajectory.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

/// "with gain" -> "prompt.0.with_gain"
std::string tensor_name(std::size_t prompt, std::string_view vector) {
  std::string name(vector);
  for (char& c : name) {
    c = c == ' ' ? '_' : c;
  }
  return c10::str("prompt.", prompt, ".", name);
}

void write_prompts(
    const TrajectorySettings& settings,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run,
    Findings& findings) {
  std::map<std::string, torch::Tensor> tensors;
  std::vector<TablePart> rows;
  std::vector<TablePart> pairs;
  auto prompts = nlohmann::json::array();
  for (std::size_t i = 0; i < settings.prompts.size(); ++i) {
    const std::string& prompt = settings.prompts[i];
    run.check_interrupt();
    const auto ids = model.tokenizer().encode(
        prompt, {.add_bos = settings.find.cut.add_bos});
    const auto way =
        norm_trajectory(model, ids, tokens, settings.layer.single());
    if (!way.massive.any().item<bool>()) {
      log::warn(c10::str("no token of prompt ", i, " is massive"));
    }
    for (std::size_t k = 0; k < kPathVectors; ++k) {
      tensors[tensor_name(i, kPathNames.at(k))] = way.vectors.at(k);
    }
    tensors[tensor_name(i, "ids")] = way.ids;
    tensors[tensor_name(i, "massive")] = way.massive.to(torch::kUInt8);
    const std::vector<Cell> key = {static_cast<std::int64_t>(i)};
    rows.push_back({key, trajectory_table(way)});
    pairs.push_back({key, trajectory_pairs_table(way)});
    prompts.push_back({{"text", prompt}, {"tokens", way.tokens}});
  }
  save_safetensors(run.file("trajectory.safetensors"), tensors);
  const auto stacked = [](const std::vector<TablePart>& parts) {
    return stack_tables({index_column("prompt")}, parts);
  };
  run.write_table(stacked(rows), "trajectory");
  const Table of_pairs = stacked(pairs);
  if (!of_pairs.rows().empty()) {
    run.write_table(of_pairs, "pairs");
  }
  findings.details["prompts"] = std::move(prompts);
}

void measure(const TrajectorySettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  check_layers(settings.layer, model.config().n_layers);
  const auto profile = find_massive_in(calibrated, settings.find, run);
  const auto tokens = massive_tokens(profile);
  const auto groups = trajectory_groups(
      model,
      calibrated.sequences,
      tokens,
      {.layer = settings.layer.single(), .progress = run.progress()});
  log::info(
      c10::str(
          "block ",
          groups.layer,
          " (layer ",
          groups.layer + 1,
          "); tokens are massive after block ",
          tokens.block));
  auto findings = findings_of(calibrated);
  findings.details = {
      {"block_0_based", groups.layer}, {"massive_tokens", describe(tokens)}};
  findings.details["massive_tokens"]["count"] = groups.massive.n_tokens;
  run.write_table(sites_table(profile), "sites");
  const Table shapes = trajectory_shapes_table(groups);
  const Table vectors = trajectory_groups_table(groups);
  run.write_table(shapes, "shapes");
  run.write_table(vectors, "groups");
  append(findings.metrics, shapes);
  append(findings.metrics, vectors);
  if (!settings.prompts.empty()) {
    write_prompts(settings, model, tokens, run, findings);
  }
  run.write_record(findings);
}

} // namespace

int run_trajectory(const std::vector<std::string>& args) {
  return run_experiment(
      "trajectory",
      "From the hidden state through the norm to queries, keys and values",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_trajectory_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check =
                [=](const auto& home) {
                  check_calibrated(
                      settings.model,
                      settings.find,
                      home,
                      [&](const DecoderConfig& model) {
                        check_layers(settings.layer, model.n_layers);
                      });
                }};
      });
}

} // namespace ma::experiments
