// register_neurons: the MLP neurons behind patches of high norm, and what
// becomes of those when test-time registers take their activations (Jiang et
// al. 2025).
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/common/experiment.h"
#include "experiments/common/record.h"
#include "experiments/register_neurons/settings.h"
#include <nlohmann/json.hpp>

#include "libma/core/log.h"
#include "libma/core/table_columns.h"
#include "libma/models/token_roles.h"

namespace ma::experiments {
namespace {

/// The tokens of a model as it is, and with its neurons shifted.
struct Norms {
  TokenNorms before;
  std::optional<TokenNorms> after = {};
};

PixelSource pixels_of(ImageLoader& loader) {
  return [&loader] {
    const auto batch = loader.next();
    return batch ? batch->pixels : torch::Tensor();
  };
}

TokenNorms measure_norms(
    const VisionModel& model,
    const ImageSource& source,
    const HighNormRule& rule,
    const Run& run) {
  TokenNormOptions options{.ratio = rule.ratio};
  options.threshold = rule.threshold.value_or(options.threshold);
  ImageLoader loader(source.set, source.recipe, source.loader);
  const auto found = measure_tokens(
      model,
      pixels_of(loader),
      {.norms = options},
      run.progress(),
      source.set.size());
  TORCH_INTERNAL_ASSERT(found.norms.has_value());
  return *found.norms;
}

/// One row a block and kind of token; of kinds that were added, only after.
Table norms_table(const Norms& norms) {
  Table table(
      {block_column(),
       layer_column(),
       {.name = "token"},
       {.name = "mean norm before"},
       {.name = "max before"},
       {.name = "mean norm after"},
       {.name = "max after"}});
  const TokenNorms none;
  const TokenNorms& after = norms.after ? *norms.after : none;
  const auto& kinds = norms.after ? after.kinds : norms.before.kinds;
  const auto add = [](std::vector<Cell>& cells,
                      const TokenNorms& from,
                      std::size_t layer,
                      const std::string& kind) {
    for (std::size_t i = 0; i < from.kinds.size(); ++i) {
      if (from.kinds[i] == kind) {
        const RunningStats& norm = from.layers[layer].kinds[i];
        cells.insert(cells.end(), {norm.mean, norm.max});
        return;
      }
    }
    cells.resize(cells.size() + 2); // empty
  };
  for (std::size_t layer = 0; layer < norms.before.layers.size(); ++layer) {
    const auto block = static_cast<std::int64_t>(layer);
    for (const std::string& kind : kinds) {
      std::vector<Cell> cells = {block, block + 1, kind};
      add(cells, norms.before, layer, kind);
      add(cells, after, layer, kind);
      table.add_row(std::move(cells));
    }
  }
  return table;
}

/// One row a block: shares of patches that are outliers by `rule`.
Table outliers_table(const Norms& norms, const HighNormRule& rule) {
  const auto bound = rule.threshold
                         ? c10::str("above ", *rule.threshold)
                         : c10::str("above ", rule.ratio, " x median");
  Table table(
      {block_column(),
       layer_column(),
       percent_column("patches " + bound + " before", 3),
       percent_column("images with one before", 3),
       percent_column("patches after", 3),
       percent_column("images after", 3)});
  const auto add =
      [&](std::vector<Cell>& cells, const TokenNorms& from, std::size_t layer) {
        const BlockNorms& block = from.layers[layer];
        const auto& high =
            rule.threshold ? block.above_threshold : block.above_ratio;
        const auto share = [](std::int64_t part, std::int64_t whole) {
          return 100 * static_cast<double>(part) / static_cast<double>(whole);
        };
        cells.emplace_back(share(high.patches, block.kinds.back().count));
        cells.emplace_back(share(high.images, block.n_images));
      };
  for (std::size_t layer = 0; layer < norms.before.layers.size(); ++layer) {
    const auto block = static_cast<std::int64_t>(layer);
    std::vector<Cell> cells = {block, block + 1};
    add(cells, norms.before, layer);
    if (norms.after) {
      add(cells, *norms.after, layer);
    }
    cells.resize(table.columns().size());
    table.add_row(std::move(cells));
  }
  return table;
}

/// The norms with the neurons shifted to test-time registers.
TokenNorms measure_shifted(
    const RegisterNeuronsSettings& settings,
    const ImageSource& source,
    const std::vector<RegisterNeuron>& neurons,
    nlohmann::json& edits,
    const Run& run) {
  const auto model =
      load_vision_model(settings.model, run, settings.n_test_registers);
  std::vector<HookHandle> handles;
  for (const Intervention& edit :
       test_time_registers(model.config(), neurons, settings.shift)) {
    handles.push_back(model.add_hook(edit.site(), edit));
    edits.push_back(edit.describe());
  }
  return measure_norms(model, source, settings.find.outliers, run);
}

/// "After block 10 (layer 11) the largest norm of a patch is 15.024,
/// was 18.623, of register:0 19.002".
std::string describe_shifted(
    const TokenNorms& norms_before,
    const TokenNorms& norms_after,
    std::int64_t layer) {
  const auto at = static_cast<std::size_t>(layer);
  const auto& before = norms_before.layers[at].kinds;
  const auto& after = norms_after.layers[at].kinds;
  std::string text = c10::str(
      "After block ",
      layer,
      " (layer ",
      layer + 1,
      ") the largest norm of a patch is ",
      format_number(after.back().max),
      ", was ",
      format_number(before.back().max));
  for (std::size_t i = before.size() - 1; i + 1 < after.size(); ++i) {
    text += ", of " + norms_after.kinds[i] + " " + format_number(after[i].max);
  }
  return text;
}

/// Writes all tables; their numbers.
std::vector<Metric> write_tables(
    const RegisterNeurons& found, const Norms& norms, const Run& run) {
  std::vector<Metric> metrics;
  for (const auto& [name, table] :
       {std::pair("neurons", register_neurons_table(found)),
        std::pair("norms", norms_table(norms)),
        std::pair("outliers", outliers_table(norms, found.options.outliers))}) {
    run.write_table(table, name);
    append(metrics, table);
  }
  return metrics;
}

void measure(const RegisterNeuronsSettings& settings, Run& run) {
  const auto model = load_vision_model(settings.model, run);
  for (const std::string& role : settings.shift.keep) {
    token_position(model.config(), {}, role, "registers.keep");
  }
  const auto source =
      open_images(settings.images, settings.model.name, run.home());
  ImageLoader loader(source.set, source.recipe, source.loader);
  const auto found = find_register_neurons(
      model,
      pixels_of(loader),
      settings.find,
      run.progress(),
      source.set.size());
  log_left_out("images", {loader.n_read(), loader.problems()});
  Norms norms{measure_norms(model, source, settings.find.outliers, run)};
  auto edits = nlohmann::json::array();
  std::string summary = found.describe_outliers();
  if (found.neurons.empty()) {
    summary = "No register neurons, nothing to shift: " + summary;
    log::warn(summary);
  } else {
    const auto after =
        measure_shifted(settings, source, found.neurons, edits, run);
    summary += ". " + describe_shifted(
                          norms.before, after, found.options.detect_layer);
    norms.after = after;
    log::info(summary);
  }
  run.write("summary.md", summary + ".\n");
  auto findings = findings_of(model);
  findings.metrics = write_tables(found, norms, run);
  findings.details = {
      {"images", describe_images(source, loader)},
      {"summary", summary},
      {"edits", edits}};
  run.write_record(findings);
}

} // namespace

int run_register_neurons(const std::vector<std::string>& args) {
  return run_experiment(
      "register_neurons",
      "Neurons behind patches of high norm, shifted to test-time registers",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_register_neurons_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check =
                [=](const auto& home) {
                  check_vision_model(settings.model, {settings.images}, home);
                }};
      });
}

} // namespace ma::experiments
