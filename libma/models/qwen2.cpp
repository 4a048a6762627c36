// Qwen2 and 2.5 (Yang et al. 2024): LLaMA with biases on q, k and v.
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "qwen2");
  c.has_qkv_bias = true;
  c.has_attn_out_bias = false;
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
  return read_gguf_common(metadata, "qwen2", "qwen2");
}

} // namespace

void register_qwen2(ModelRegistry& registry) {
  registry.add(
      "qwen2",
      {.hugging_face = {read_hf, {common_hf_weights(), "model.", {}}},
       .gguf = {
           {"qwen2",
            {read_gguf, {common_gguf_weights(), "", gguf_rope_tensors()}}}}});
}

} // namespace ma
