// Outliers first, then the MLPs of the images that have some.
#include "libma/eval/find_register_neurons.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/models/token_roles.h"

namespace ma {
namespace {

/// The block that an option names, 0-based.
std::int64_t resolve_layer(
    const char* option, std::int64_t layer, std::int64_t n_layers) {
  if (layer < -n_layers || layer >= n_layers) {
    throw ConfigError(
        "register neurons",
        c10::str(
            "option '",
            option,
            "': there is no block ",
            layer,
            "; use ",
            -n_layers,
            " to ",
            n_layers - 1));
  }
  return layer < 0 ? layer + n_layers : layer;
}

RegisterNeuronOptions resolve(
    RegisterNeuronOptions options, const VisionConfig& config) {
  options.detect_layer =
      resolve_layer("detect_layer", options.detect_layer, config.n_layers);
  options.highest_layer = resolve_layer(
      "highest_layer",
      options.highest_layer.value_or(options.detect_layer),
      config.n_layers);
  const auto most = (*options.highest_layer + 1) * config.d_mlp;
  if (options.top_k < 1 || options.top_k > most) {
    throw ConfigError(
        "register neurons",
        c10::str("option 'top_k' is ", options.top_k, "; give 1 to ", most));
  }
  check_rule(options.outliers);
  return options;
}

/// Of options that are resolved.
std::int64_t highest_of(const RegisterNeuronOptions& options) {
  TORCH_INTERNAL_ASSERT(options.highest_layer.has_value());
  return *options.highest_layer;
}

} // namespace

RegisterNeuronFinder::RegisterNeuronFinder(
    const VisionModel& model, const RegisterNeuronOptions& options)
    : model_(model),
      found_{.options = resolve(options, model.config())},
      highest_(highest_of(found_.options)),
      means_(highest_ + 1, model.config().n_prefix()) {}

void RegisterNeuronFinder::observe(const torch::Tensor& pixels) {
  TokenBatch batch = image_batch(pixels);
  const auto stream = model_.run_blocks(
      model_.embed(batch), 0, found_.options.detect_layer + 1, batch);
  const auto outliers = find_outliers(
      stream, model_.config().n_prefix(), found_.options.outliers);
  const auto rows = outliers.is_outlier.any(/*dim=*/1).nonzero().squeeze(1);
  found_.n_images += stream.size(0);
  found_.n_patches += outliers.is_outlier.numel();
  found_.n_outliers += outliers.is_outlier.sum().item<std::int64_t>();
  found_.max_norm = std::max(found_.max_norm, outliers.max_norm);
  found_.max_ratio = std::max(found_.max_ratio, outliers.max_ratio);
  if (rows.numel() == 0) {
    return;
  }
  const auto is_outlier = outliers.is_outlier.index_select(/*dim=*/0, rows);
  batch.pixels =
      batch.pixels.index_select(/*dim=*/0, rows.to(batch.pixels.device()));
  std::vector<HookHandle> handles;
  for (std::int64_t layer = 0; layer <= highest_; ++layer) {
    handles.push_back(model_.add_hook(
        block_site(layer, "mlp.post"),
        [&](const torch::Tensor& x, const HookSite& at) {
          means_.observe(at.layer, x, is_outlier);
          return x;
        }));
  }
  model_.run_blocks(model_.embed(batch), 0, highest_ + 1, batch);
}

RegisterNeurons RegisterNeuronFinder::finish() const {
  if (found_.n_images == 0) {
    throw ShapeError("register neurons", "no images were seen");
  }
  RegisterNeurons found = found_;
  found.means = means_.finish();
  found.neurons = top_neurons(found.means, found.options.top_k);
  return found;
}

RegisterNeurons find_register_neurons(
    const VisionModel& model,
    const PixelSource& source,
    const RegisterNeuronOptions& options,
    const ProgressFn& progress,
    std::int64_t n_images) {
  RegisterNeuronFinder finder(model, options);
  ProgressCounter counter(
      progress,
      {.stage = "find register neurons", .total = n_images, .unit = "images"});
  for (auto pixels = source(); pixels.defined(); pixels = source()) {
    const auto before = finder.n_images();
    finder.observe(pixels);
    counter.add(finder.n_images() - before);
  }
  return finder.finish();
}

std::vector<Intervention> test_time_registers(
    const VisionConfig& config,
    const std::vector<RegisterNeuron>& neurons,
    const TestTimeRegisterOptions& options) {
  constexpr const char* kWhere = "test_time_registers";
  if (config.n_test_registers == 0) {
    throw ConfigError(
        kWhere,
        "the model has no test-time registers; load it with "
        "n_test_registers = 1");
  }
  if (neurons.empty()) {
    throw ConfigError(
        kWhere, "there are no neurons to shift; lower the outliers' bound");
  }
  std::map<std::int64_t, std::vector<std::int64_t>> by_layer;
  for (const RegisterNeuron& at : neurons) {
    if (at.layer < 0 || at.layer >= config.n_layers || at.neuron < 0 ||
        at.neuron >= config.d_mlp) {
      throw ConfigError(
          kWhere,
          c10::str(
              "there is no neuron ",
              at.neuron,
              " in block ",
              at.layer,
              "; the model has ",
              config.n_layers,
              " blocks of ",
              config.d_mlp));
    }
    by_layer[at.layer].push_back(at.neuron);
  }
  InterventionOptions shift{.others = options.others};
  for (auto i = config.n_test_registers; i > 0; --i) {
    shift.to.push_back(config.n_prefix() - i);
  }
  for (const std::string& role : options.keep) {
    shift.keep.push_back(token_position(config, {}, role, kWhere));
  }
  std::vector<Intervention> edits;
  for (auto& [layer, dims] : by_layer) {
    std::sort(dims.begin(), dims.end());
    shift.site = block_site(layer, "mlp.post");
    shift.select = Selection::at({}, dims);
    edits.push_back(make_intervention("shift_neurons", shift));
  }
  return edits;
}

} // namespace ma
