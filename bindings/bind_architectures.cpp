// The lists of model families.
#include <map>
#include <string>
#include <vector>

#include "bindings/bindings.h"

#include "libma/models/registry.h"

namespace ma::python {
namespace {

std::map<std::string, std::vector<std::string>> list_architectures() {
  std::map<std::string, std::vector<std::string>> families;
  for (const std::string& model_type : model_registry().names()) {
    const auto& architecture =
        model_registry().get(model_type, "architectures");
    if (architecture.has_vision()) { // CLIP's text tower predicts no tokens
      continue;
    }
    auto& names = families[model_type];
    for (const auto& [name, format] : architecture.gguf) {
      names.push_back(name);
    }
  }
  return families;
}

std::vector<std::string> list_vision_architectures() {
  auto names = model_registry().names();
  std::erase_if(names, [](const std::string& name) {
    return !model_registry().get(name, "architectures").has_vision();
  });
  return names;
}

} // namespace

void bind_architectures(py::module_& m) {
  m.def(
      "architectures",
      &list_architectures,
      R"(The families of language models that can be loaded.

Returns:
    For each `model_type` of config.json the names that its GGUF files have in `general.architecture`; none for a family
    that is read from Hugging Face folders alone, or whose GGUF files bear another family's name (Mistral's say "llama").

Example:
    >>> ma.architectures()["qwen2"]
    ['qwen2']
)");
  m.def(
      "vision_architectures",
      &list_vision_architectures,
      R"(The families of vision models that can be loaded: each `model_type` of config.json, and "timm_vit" for timm's.

Example:
    >>> "vit" in ma.vision_architectures()
    True
)");
}

} // namespace ma::python
