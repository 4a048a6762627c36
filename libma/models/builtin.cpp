// Registers every architecture of builtin.def.
#include "libma/models/config_reader.h"
#include "libma/models/registry.h"

namespace ma {

#define LIBMA_BUILTIN(name) void register_##name(ModelRegistry& registry);
#include "libma/models/builtin.def"
#undef LIBMA_BUILTIN

const ModelRegistry& model_registry() {
  static const ModelRegistry registry = [] {
    ModelRegistry models("architecture");
#define LIBMA_BUILTIN(name) register_##name(models);
#include "libma/models/builtin.def"
#undef LIBMA_BUILTIN
    return models;
  }();
  return registry;
}

std::string architecture_name(const nlohmann::json& config) {
  return config.contains("architecture") && !config.contains("model_type")
             ? "timm_vit"
             : config_value<std::string>(config, "model_type");
}

const ArchitectureFormat& find_gguf_format(
    const std::string& name, const std::string& where) {
  std::vector<std::string> known;
  for (const std::string& model_type : model_registry().names()) {
    const Architecture& architecture = model_registry().get(model_type, where);
    for (const auto& [gguf_name, format] : architecture.gguf) {
      if (gguf_name == name) {
        return format;
      }
      known.push_back(gguf_name);
    }
  }
  throw UnknownNameError(where, "GGUF architecture", name, known);
}

} // namespace ma
