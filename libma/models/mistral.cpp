// Mistral (Jiang et al. 2023): LLaMA whose queries see a sliding window. Its
// GGUF files say "llama".
#include "libma/models/common_weights.h"
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

DecoderConfig read_hf(const nlohmann::json& config) {
  DecoderConfig c = read_hf_common(config, "mistral");
  c.windows = read_hf_windows(
      config, c.n_layers, 4096, [](std::int64_t) { return true; });
  return c;
}

} // namespace

void register_mistral(ModelRegistry& registry) {
  registry.add(
      "mistral",
      {.hugging_face = {read_hf, {common_hf_weights(), "model.", {}}},
       .gguf = {}});
}

} // namespace ma
