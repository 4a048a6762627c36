// image_tokens: norms of an image's tokens, the class token's attention,
// register means (Darcet et al. 2024; Sun et al. 2024, section 5).
#include <map>

#include "experiments/common/experiment.h"
#include "experiments/image_tokens/settings.h"

#include "libma/analysis/token_norm_tables.h"
#include "libma/core/log.h"
#include "libma/eval/register_means_file.h"
#include "libma/io/safetensors_write.h"
#include "libma/models/token_roles.h"

namespace ma::experiments {
namespace {

constexpr std::int64_t kTop = 3; // entries of register means in the table

/// What the model has, of what is wanted of any model.
MeasureTokensOptions fit_to(
    const ImageTokensSettings& settings, const VisionConfig& config) {
  MeasureTokensOptions options = settings.measure;
  options.register_means =
      settings.registers_where_there_are && config.n_registers > 0;
  if (!config.has_cls && options.cls_attention &&
      options.cls_attention->empty()) {
    log::warn("the model has no class token whose attention to look at");
    options.cls_attention.reset();
  }
  return options;
}

/// Writes all tables and tensors; their numbers.
std::vector<Metric> write_results(
    const TokenMeasurements& found,
    const MassiveCriterion& criterion,
    const Run& run) {
  std::vector<Metric> metrics;
  const auto write = [&](const Table& table, const std::string& name) {
    run.write_table(table, name);
    append(metrics, table);
  };
  TORCH_INTERNAL_ASSERT(found.norms.has_value());
  const TokenNorms& norms = *found.norms;
  const auto [edges, patches] = norm_histograms(norms);
  std::map<std::string, torch::Tensor> tensors = {
      {"norms.edges", edges}, {"norms.patches", patches}};
  write(token_norms_table(norms), "norms");
  write(patch_norms_table(norms), "patches");
  run.write("histogram.csv", norm_histogram_table(norms).to_csv());
  if (found.cls_attention) {
    write(cls_attention_table(*found.cls_attention), "attention");
    const auto heads = cls_attention_table(*found.cls_attention, true);
    run.write("attention_heads.csv", heads.to_csv());
    tensors["attention.shares"] = found.cls_attention->shares;
    tensors["attention.per_patch"] = found.cls_attention->per_patch;
  }
  if (found.register_means) {
    write(
        register_means_table(*found.register_means, criterion, kTop),
        "registers");
    save_register_means(
        run.file("register_means.safetensors"), *found.register_means);
  }
  save_safetensors(run.file("tokens.safetensors"), tensors);
  return metrics;
}

void measure(const ImageTokensSettings& settings, Run& run) {
  const auto model = load_vision_model(settings.model, run);
  const auto source =
      open_images(settings.images, settings.model.name, run.home());
  ImageLoader loader(source.set, source.recipe, source.loader);
  const auto found = measure_tokens(
      model,
      [&] {
        const auto batch = loader.next();
        return batch ? batch->pixels : torch::Tensor();
      },
      fit_to(settings, model.config()),
      run.progress(),
      source.set.size());
  for (const std::string& problem : loader.problems()) {
    log::warn("left out: " + problem);
  }
  auto findings = findings_of(model);
  findings.metrics = write_results(found, settings.criterion, run);
  findings.details = {
      {"images", describe_images(source, loader)},
      {"token_kinds", token_kinds(model.config())}};
  run.write_record(findings);
}

} // namespace

int run_image_tokens(const std::vector<std::string>& args) {
  return run_experiment(
      "image_tokens",
      "Norms of the tokens of images, attention of the class token, register "
      "means",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_image_tokens_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check =
                [=](const auto& home) {
                  check_vision_model(settings.model, {settings.images}, home);
                }};
      });
}

} // namespace ma::experiments
