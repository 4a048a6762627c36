// Hooks that live while a batch passes.
#include "libma/eval/measure_tokens.h"

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/models/token_roles.h"

namespace ma {
namespace {

constexpr const char* kWhere = "measure_tokens";

} // namespace

TokenMeter::TokenMeter(
    const VisionModel& model, const MeasureTokensOptions& options)
    : model_(model) {
  const VisionConfig& config = model.config();
  if (options.norms) {
    norms_.emplace(config.n_layers, token_kinds(config), *options.norms);
  }
  if (options.cls_attention) {
    cls_attention_.emplace(
        listed_or_all(kWhere, *options.cls_attention, config.n_layers),
        token_kinds(config));
  }
  if (options.register_means) {
    register_means_.emplace(
        config.n_layers,
        config.n_prefix() - config.n_registers,
        config.n_registers);
  }
  if (!norms_ && !cls_attention_ && !register_means_) {
    throw ConfigError(
        kWhere, "nothing is asked for; choose norms, attention or registers");
  }
}

std::vector<HookHandle> TokenMeter::hooks() {
  std::vector<HookHandle> handles;
  const auto watch = [&](const std::string& pattern, auto& accumulator) {
    handles.push_back(model_.add_hook(
        pattern, [&accumulator](const torch::Tensor& x, const HookSite& at) {
          accumulator->observe(at.layer, x);
          return x;
        }));
  };
  if (norms_) {
    watch("blocks.*.resid_post", norms_);
  }
  if (register_means_) {
    watch("blocks.*.resid_pre", register_means_);
  }
  if (cls_attention_) {
    for (const std::int64_t layer : cls_attention_->layers()) {
      watch(block_site(layer, "attn.pattern"), cls_attention_);
    }
  }
  return handles;
}

void TokenMeter::observe(const torch::Tensor& pixels) {
  const TokenBatch batch = image_batch(pixels);
  const auto handles = hooks();
  model_.run_blocks(model_.embed(batch), 0, model_.config().n_layers, batch);
  n_images_ += batch.pixels.size(0);
}

TokenMeasurements TokenMeter::finish() const {
  TokenMeasurements found{.n_images = n_images_};
  if (norms_) {
    found.norms = norms_->finish();
  }
  if (cls_attention_) {
    found.cls_attention = cls_attention_->finish();
  }
  if (register_means_) {
    found.register_means = register_means_->finish();
  }
  return found;
}

TokenMeasurements measure_tokens(
    const VisionModel& model,
    const PixelSource& source,
    const MeasureTokensOptions& options,
    const ProgressFn& progress,
    std::int64_t n_images) {
  TokenMeter meter(model, options);
  ProgressCounter counter(
      progress,
      {.stage = "measure tokens", .total = n_images, .unit = "images"});
  for (auto pixels = source(); pixels.defined(); pixels = source()) {
    const auto before = meter.n_images();
    meter.observe(pixels);
    counter.add(meter.n_images() - before);
  }
  return meter.finish();
}

} // namespace ma
