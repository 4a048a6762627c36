// Measuring one model after another; counting what they consist of.
#include "libma/eval/compare_models.h"

#include <functional>
#include <numeric>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/eval/find_massive.h"
#include "libma/io/checkpoint.h"
#include "libma/io/model_source.h"
#include "libma/models/registry.h"

namespace ma {
namespace {

/// The checkpoint's own word for its architecture, which the registry must
/// know.
std::string architecture_of(const Checkpoint& checkpoint) {
  const bool is_gguf = checkpoint.format() == CheckpointFormat::kGguf;
  const auto key = is_gguf ? "general.architecture" : "model_type";
  const auto where = checkpoint.path().string();
  const auto found = checkpoint.config().find(key);
  if (found == checkpoint.config().end() || !found->is_string()) {
    throw FileError(
        where,
        c10::str("the configuration has no '", key, "'; is this a model?"));
  }
  const auto name = found->get<std::string>();
  const Architecture& architecture = model_registry().get(name, where);
  if (is_gguf && !architecture.gguf) {
    throw ConfigError(
        where,
        "'" + name + "' is not read from GGUF; use its Hugging Face folder");
  }
  return name;
}

/// Entries of the stored tensor `name`, whether or not it is stored with
/// `prefix`; 0 when it is not stored.
std::int64_t size_of(
    const Checkpoint& checkpoint,
    const std::string& name,
    const std::string& prefix) {
  const auto& tensors = checkpoint.tensors();
  auto found = tensors.find(name);
  if (found == tensors.end() && name.starts_with(prefix)) {
    found = tensors.find(name.substr(prefix.size()));
  }
  if (found == tensors.end()) {
    return 0;
  }
  const auto& shape = found->second.shape;
  return std::accumulate(
      shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

} // namespace

ModelOutline outline_model(
    const std::string& name_or_path, const std::filesystem::path& home) {
  const auto path =
      find_model(name_or_path, home.empty() ? default_home() : home);
  const auto checkpoint = open_checkpoint(path);
  ModelOutline outline;
  outline.architecture = architecture_of(*checkpoint);
  for (const auto& [name, tensor] : checkpoint->tensors()) {
    outline.bytes += tensor.bytes;
  }
  outline.tokenizer = load_tokenizer(path);
  return outline;
}

std::int64_t count_parameters(const Model& model) {
  if (model.files().empty()) {
    throw FileError(
        "count_parameters", "the model was made in memory; give a loaded one");
  }
  const auto& first = model.files().front();
  const auto checkpoint = open_checkpoint(
      first.extension() == ".gguf" ? first : first.parent_path());
  const DecoderConfig& config = model.config();
  const Architecture& architecture =
      model_registry().get(config.architecture, "count_parameters");
  const bool is_gguf = checkpoint->format() == CheckpointFormat::kGguf;
  const WeightLayout& layout = is_gguf ? architecture.gguf.value().layout
                                       : architecture.hugging_face.layout;
  std::int64_t count = 0;
  for (const WeightEntry& entry : layout.map) {
    if (entry.ours == "unembed.weight" && config.has_tied_unembedding) {
      continue;
    }
    for (const StoredName& stored : entry.theirs) {
      const auto hole = stored.name.find("{}");
      const bool is_in_blocks = hole != std::string::npos;
      const auto n_instances = is_in_blocks ? config.n_layers : 1;
      for (std::int64_t layer = 0; layer < n_instances; ++layer) {
        auto name = stored.name;
        if (is_in_blocks) {
          name.replace(hole, 2, std::to_string(layer));
        }
        count += size_of(*checkpoint, name, layout.optional_prefix);
      }
    }
  }
  return count;
}

ModelSummary measure_model(
    const ModelRequest& request,
    const std::vector<std::string>& texts,
    const CompareOptions& options) {
  const Model model = load_model(
      request.name,
      {.device = request.device, .dtype = request.dtype, .home = options.home});
  const auto sequences = cut_sequences(model.tokenizer(), texts, request.cut);
  const DecoderConfig& config = model.config();
  return {
      .label = request.label,
      .base = request.base,
      .architecture = config.architecture,
      .n_layers = config.n_layers,
      .d_model = config.d_model,
      .n_parameters = count_parameters(model),
      .dtype = dtype_name(model.dtype()),
      .device = model.device().str(),
      .has_bos = request.cut.add_bos,
      .profile = find_massive(
          model,
          sequences,
          {.magnitude = options.criterion.magnitude,
           .ratio = options.criterion.ratio,
           .progress = options.progress})};
}

} // namespace ma
