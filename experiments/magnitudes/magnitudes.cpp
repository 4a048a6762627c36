// magnitudes (Sun et al. 2024, sections 2.1 to 2.3): how large activations are,
// block by block, where, since when, and how constant.
#include <set>

#include "experiments/common/calibrated.h"
#include "experiments/common/experiment.h"
#include "experiments/magnitudes/report.h"
#include "experiments/magnitudes/settings.h"

#include "libma/eval/compare_models.h"
#include "libma/eval/corpus.h"
#include "libma/eval/measure_magnitudes.h"

namespace ma::experiments {
namespace {

FindSettings with_bos(FindSettings find, bool add_bos) {
  find.cut.add_bos = add_bos;
  return find;
}

/// The asked blocks, or the one after which the strongest site is largest, the
/// one before it, and the last.
std::vector<std::int64_t> surface_layers(
    const SurfaceSettings& settings, const Magnitudes& found) {
  if (settings.layers.kind == LayerChoice::Kind::kListed) {
    return settings.layers.layers;
  }
  const auto peak = found.peak_layer();
  const std::set<std::int64_t> layers = {peak - 1, peak, found.n_layers() - 1};
  return {layers.begin(), layers.end()};
}

Arm measure_arm(
    const MagnitudesSettings& settings,
    const Model& model,
    const torch::Tensor& sequences,
    bool add_bos,
    const Run& run) {
  Arm arm{
      .summary = summary_of(model, settings.model.name, add_bos),
      .found = measure_magnitudes(
          model,
          sequences,
          {.magnitudes = settings.options, .progress = run.progress()})};
  log_found(arm.found.profile);
  const auto layers = surface_layers(settings.surface, arm.found);
  for (const std::string& prompt : settings.surface.prompts) {
    run.check_interrupt();
    arm.surfaces.push_back(magnitude_surface(model, prompt, layers, add_bos));
  }
  return arm;
}

void measure(const MagnitudesSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(
      settings.model, with_bos(settings.find, settings.arms.front()), run);
  const Model& model = calibrated.model;
  check_layers(settings.surface.layers, model.config().n_layers);
  std::vector<Arm> arms;
  for (const bool add_bos : settings.arms) {
    auto sequences = calibrated.sequences;
    if (!arms.empty()) {
      sequences = cut_sequences(
          model.tokenizer(),
          load_corpus(settings.find.text, run.home()).texts,
          with_bos(settings.find, add_bos).cut);
    }
    arms.push_back(measure_arm(settings, model, sequences, add_bos, run));
  }
  auto findings = findings_of(calibrated);
  write_magnitudes(arms, settings.surface.top, run, findings);
  run.write_record(findings);
}

/// A dry run: every arm's model and text.
void check(
    const MagnitudesSettings& settings, const std::filesystem::path& home) {
  for (const bool add_bos : settings.arms) {
    check_calibrated(
        settings.model,
        with_bos(settings.find, add_bos),
        home,
        [&](const DecoderConfig& model) {
          check_layers(settings.surface.layers, model.n_layers);
        });
  }
}

} // namespace

int run_magnitudes(const std::vector<std::string>& args) {
  return run_experiment(
      "magnitudes",
      "How large activations are, block by block, where, and how constant",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_magnitudes_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check = [=](const auto& home) { check(settings, home); }};
      });
}

} // namespace ma::experiments
