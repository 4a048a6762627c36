// Qwen3 (Yang et al. 2025): LLaMA whose queries and keys are normalised head by
// head.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "qwen3");
  c.d_head = config_value_or<std::int64_t>(config, "head_dim", 128);
  c.rope = read_hf_rope(config, c.d_head);
  c.qk_norm = nn::QkNorm::kHead;
  const bool slides = config_value_or(config, "use_sliding_window", false);
  const auto n_whole =
      config_value_or<std::int64_t>(config, "max_window_layers", 28);
  if (slides) {
    c.windows = read_hf_windows(
        config, c.n_layers, 4096, [=](std::int64_t i) { return i >= n_whole; });
  }
  return c;
}

DecoderConfig read_gguf(const nlohmann::json& metadata) {
  DecoderConfig c = read_gguf_common(metadata, "qwen3", "qwen3");
  c.qk_norm = nn::QkNorm::kHead;
  return c;
}

} // namespace

void register_qwen3(ModelRegistry& registry) {
  registry.add(
      "qwen3",
      {.hugging_face = {read_hf, {common_hf_weights(), "model.", {}}},
       .gguf = {
           {"qwen3",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
