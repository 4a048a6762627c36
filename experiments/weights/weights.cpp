// weights: the chain from a massive activation down to the weights that write
// it (super weights, Yu et al. 2024), and what they are worth.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "experiments/common/ablation_record.h"
#include "experiments/common/calibrated.h"
#include "experiments/common/evaluation.h"
#include "experiments/common/experiment.h"
#include "experiments/weights/conditions.h"
#include "experiments/weights/settings.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/massive_tables.h"
#include "libma/core/check_index.h"
#include "libma/core/log.h"
#include "libma/eval/weight_spectra.h"
#include "libma/eval/write_contributions.h"
#include "libma/hooks/hook_names.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

using Indices = std::vector<std::int64_t>;

/// What was found before anything is edited.
struct Found {
  MassiveProfile profile;
  SuperWeightSearch search = {};
  WriteContributions writes = {};
};

/// Super weights and the decomposition of the strongest site, or of the entry
/// that the settings name.
Found find_weights(
    const WeightsSettings& settings,
    const Calibrated& calibrated,
    const Run& run) {
  const Model& model = calibrated.model;
  Found found{.profile = find_massive_in(calibrated, settings.find, run)};
  const auto sequences = calibrated.sequences.slice(
      /*dim=*/0, 0, settings.search_sequences);
  auto search = settings.search;
  search.progress = run.progress();
  if (model.config().n_experts > 0) {
    log::warn(
        "the model is a mixture of experts: super weights are not searched "
        "for");
  } else {
    found.search = find_super_weights(model, sequences, search);
  }
  for (SuperWeight& weight : found.search.weights) {
    weight.token = model.tokenizer().decode(Indices{weight.peak.token_id});
  }
  if (found.search.weights.empty()) {
    log::warn("no block's MLP has a spike; there are no super weights");
  }
  const MassiveSite& site = found.profile.sites.front();
  const auto position = found.profile.position_of(site.token_class);
  const auto layer = settings.layer.single();
  const bool is_sites = !layer.has_value() && !settings.dim.has_value();
  found.writes = write_contributions(
      model,
      sequences,
      {.layer = layer.value_or(found.profile.edit_layer),
       .dim = settings.dim.value_or(site.dim),
       .position =
           is_sites && position >= 0 ? std::optional(position) : std::nullopt,
       .top = settings.top_neurons,
       .step_share = settings.step_share,
       .progress = run.progress()});
  return found;
}

Indices massive_dims(const Found& found) {
  std::set<std::int64_t> dims = {found.writes.dim};
  for (const MassiveSite& site : found.profile.sites) {
    dims.insert(site.dim);
  }
  return {dims.begin(), dims.end()};
}

/// By block, the neurons of super weights, and the one that writes most of the
/// decomposed entry.
std::map<std::int64_t, Indices> responsible_neurons(const Found& found) {
  std::map<std::int64_t, std::set<std::int64_t>> neurons;
  for (const DownWeight& place : places_of(found.search)) {
    neurons[place.layer].insert(place.neuron);
  }
  if (!found.writes.neurons.empty()) {
    neurons[found.writes.layer].insert(found.writes.neurons.front().neuron);
  }
  std::map<std::int64_t, Indices> listed;
  for (const auto& [layer, own] : neurons) {
    listed[layer] = {own.begin(), own.end()};
  }
  return listed;
}

void write_found(
    const Found& found, const Run& run, std::vector<Metric>& metrics) {
  const auto write = [&](const Table& table, const std::string& name) {
    run.write_table(table, name);
    append(metrics, table);
  };
  run.write_table(sites_table(found.profile), "sites");
  run.write_long_table(peaks_table(found.search), "peaks");
  write(super_weights_table(found.search), "super_weights");
  write(neuron_writes_table(found.writes), "contributions");
  write(block_writes_table(found.writes), "blocks");
}

void write_weights(
    const WeightsSettings& settings,
    const Found& found,
    const Model& model,
    const Run& run,
    std::vector<Metric>& metrics) {
  const auto dims = massive_dims(found);
  const Table gains = gains_table(norm_gains(model, dims));
  run.write_long_table(gains, "gains");
  append(metrics, gains);
  if (settings.spectra.kind == LayerChoice::Kind::kNone) {
    return;
  }
  const auto neurons = responsible_neurons(found);
  Indices layers = settings.spectra.layers; // empty: all
  if (settings.spectra.kind == LayerChoice::Kind::kAuto) {
    std::set<std::int64_t> own = {found.writes.layer};
    for (const auto& [layer, listed] : neurons) {
      own.insert(layer);
    }
    layers.assign(own.begin(), own.end());
  }
  const auto spectra = weight_spectra(
      model,
      {.layers = layers,
       .dims = dims,
       .neurons = neurons,
       .progress = run.progress()});
  const Table table = spectra_table(spectra, settings.top_singular_values);
  const Table slices = slices_table(spectra);
  run.write_table(table, "spectra");
  run.write_table(slices, "slices");
  append(metrics, table);
  append(metrics, slices);
  std::map<std::string, torch::Tensor> tensors;
  for (const WeightSpectrum& each : spectra) {
    tensors[block_site(each.layer, each.name)] =
        each.spectrum.singular_values.contiguous();
  }
  save_safetensors(run.file("singular_values.safetensors"), tensors);
}

/// Largest |x| of the stream after the decomposed block, and the entry there:
/// its mean over the sequences, at the same tokens as in `writes`.
std::pair<double, double> look_after(
    const Model& model,
    const Condition& condition,
    const torch::Tensor& sequences,
    const WriteContributions& writes) {
  double largest = 0;
  double sum = 0;
  std::vector<HookHandle> handles;
  handles.reserve(condition.edits.size());
  for (const Intervention& edit : condition.edits) {
    handles.push_back(model.add_hook(edit.site(), edit));
  }
  std::size_t sequence = 0;
  handles.push_back(model.add_hook(
      block_site(writes.layer, "resid_post"),
      [&](const torch::Tensor& x, const HookSite&) {
        largest = std::max(largest, x.abs().max().item<double>());
        sum += x[0][writes.positions[sequence]][writes.dim].item<double>();
        return x;
      }));
  for (; sequence < writes.positions.size(); ++sequence) {
    const TokenBatch batch(sequences[static_cast<std::int64_t>(sequence)]);
    model.run_blocks(model.embed(batch), 0, writes.layer + 1, batch);
  }
  return {largest, sum / static_cast<double>(writes.positions.size())};
}

/// `table` of perplexities, with what the stream looks like in front of them.
Table with_magnitudes(
    const Table& table,
    const std::vector<std::pair<double, double>>& magnitudes,
    const WriteContributions& writes) {
  std::vector<Column> columns = table.columns();
  const auto block = c10::str(" after block ", writes.layer);
  columns.insert(
      columns.begin() + 1,
      {{.name = "largest |x|" + block},
       {.name = c10::str("dim ", writes.dim, block)}});
  Table joined(std::move(columns));
  for (std::size_t i = 0; i < table.rows().size(); ++i) {
    auto cells = table.rows()[i];
    cells.insert(
        cells.begin() + 1,
        {Cell(magnitudes[i].first), Cell(magnitudes[i].second)});
    joined.add_row(std::move(cells));
  }
  return joined;
}

/// Throws ConfigError when the settings name a block or dim that is not there.
void check_places(
    const WeightsSettings& settings, const DecoderConfig& config) {
  check_layers(settings.spectra, config.n_layers);
  check_layers(settings.layer, config.n_layers);
  check_index(
      "contributions.dim", "dim", settings.dim.value_or(0), config.d_model);
}

nlohmann::json describe_search(
    const SuperWeightSearch& search, std::int64_t n_sequences) {
  return {
      {"sequences", n_sequences},
      {"input_threshold", search.input_threshold},
      {"output_threshold", search.output_threshold},
      {"has_more", search.has_more}};
}

nlohmann::json describe_decomposed(const WriteContributions& writes) {
  return {
      {"block_0_based", writes.layer},
      {"dim", writes.dim},
      {"positions", writes.positions},
      {"bias", writes.bias}};
}

void measure(const WeightsSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  check_places(settings, model.config());
  const auto evaluation =
      make_evaluation(settings.evaluation, model.tokenizer(), run.home());
  auto journal = run.open_journal(journal_inputs(calibrated, evaluation));

  const Found found = find_weights(settings, calibrated, run);
  auto findings = findings_of(calibrated, evaluation);
  write_found(found, run, findings.metrics);
  write_weights(settings, found, model, run, findings.metrics);

  const auto conditions = make_weight_conditions(
      model,
      found.search,
      found.profile,
      static_cast<std::uint64_t>(run.seed()));
  AblationResult result;
  if (!evaluation.tasks.empty()) {
    result = evaluate(model, conditions, evaluation, journal, run);
    std::vector<std::pair<double, double>> magnitudes;
    magnitudes.reserve(conditions.size());
    for (const Condition& condition : conditions) {
      run.check_interrupt();
      magnitudes.push_back(
          look_after(model, condition, calibrated.sequences, found.writes));
    }
    const Table table =
        with_magnitudes(result.table(), magnitudes, found.writes);
    run.write_table(table);
    append(findings.metrics, table);
  }
  findings.details = details_of(found.profile, conditions, result);
  findings.details["search"] =
      describe_search(found.search, settings.search_sequences);
  findings.details["decomposed"] = describe_decomposed(found.writes);
  run.write_record(findings);
}

} // namespace

int run_weights(const std::vector<std::string>& args) {
  return run_experiment(
      "weights",
      "Which neurons and weights write the massive activations",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_weights_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check =
                [=](const auto& home) {
                  check_evaluation(
                      settings.model,
                      settings.find,
                      settings.evaluation,
                      home,
                      [&](const DecoderConfig& model) {
                        check_places(settings, model);
                      });
                }};
      });
}

} // namespace ma::experiments
