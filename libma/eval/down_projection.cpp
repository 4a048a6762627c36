// The end of an MLP, built again from its parameters.
#include "libma/eval/down_projection.h"

#include <functional>
#include <map>
#include <set>
#include <utility>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/nn/block.h"

namespace ma {
namespace {

constexpr const char* kKind = "zero_weight";

torch::Tensor read_if_any(
    const ParameterReader& parameters, const std::string& name) {
  return parameters.has(name) ? parameters.read(name) : torch::Tensor();
}

torch::Tensor moved(const torch::Tensor& x, torch::Device device) {
  return x.defined() ? x.to(device) : x;
}

/// The two edits of one block, and what they share.
struct BlockEdit {
  BlockEdit(DownProjection own, const std::vector<DownWeight>& entries)
      : original(std::move(own)), edited(original.zeroed(entries)) {}

  torch::Tensor keep(const torch::Tensor& x) {
    post = x;
    return x;
  }

  torch::Tensor put(const torch::Tensor& x) {
    if (!post.defined()) {
      throw ConfigError(
          kKind,
          "the edit of mlp_out is registered without that of mlp.post; use "
          "both");
    }
    original.move_to(x.device());
    edited.move_to(x.device());
    const auto before = original(post);
    const auto after = edited(post);
    post.reset();
    return at::equal(x, before) ? after : x + (after - before);
  }

  DownProjection original, edited;
  torch::Tensor post; ///< of the pass under way
};

/// An edit at `site` of whole `dims`, done by `fn`.
Intervention edit_at(
    const std::string& site,
    const std::set<std::int64_t>& dims,
    const std::function<torch::Tensor(const torch::Tensor&)>& fn) {
  auto stats = std::make_shared<InterventionStats>();
  const auto n = static_cast<std::int64_t>(dims.size());
  return {
      kKind,
      {.site = site, .select = Selection::at({}, {dims.begin(), dims.end()})},
      [=](const torch::Tensor& x, const HookSite& /*at*/) {
        ++stats->calls;
        stats->edited += n * x.size(0) * x.size(1);
        return fn(x);
      },
      stats};
}

} // namespace

DownProjection::DownProjection(
    const Model& model, const ParameterReader& parameters, std::int64_t layer)
    : layer_(layer) {
  const auto& config = model.config();
  check_index("down-projection", "block", layer, config.n_layers);
  if (config.n_experts > 0) {
    throw ConfigError(
        block_site(layer, "mlp"),
        "is a mixture of experts, which has no neurons in common; use a model "
        "with plain MLPs");
  }
  const auto name = [&](const char* part) { return block_site(layer, part); };
  down_ = {
      parameters.read(name("mlp.down.weight")),
      read_if_any(parameters, name("mlp.down.bias"))};
  gain_ = read_if_any(parameters, name("mlp.gain"));
  has_norm_ = nn::norms_of(config.block).ln2_post;
  if (has_norm_) {
    norm_options_ = config.norm;
    norm_weights_ = {
        read_if_any(parameters, name("ln2_post.weight")),
        read_if_any(parameters, name("ln2_post.bias"))};
    make_norm();
  }
}

void DownProjection::make_norm() {
  norm_hooks_ = std::make_shared<HookTable>();
  norm_ = std::make_shared<const nn::Norm>(
      norm_options_,
      norm_weights_,
      *norm_hooks_,
      block_site(layer_, "ln2_post"));
}

DownProjection DownProjection::zeroed(
    const std::vector<DownWeight>& entries) const {
  DownProjection copy = *this;
  copy.down_.weight = weight().clone();
  for (const DownWeight& entry : entries) {
    const auto where = block_site(layer_, "mlp.down.weight");
    check_index(where, "dim", entry.dim, weight().size(0));
    check_index(where, "neuron", entry.neuron, weight().size(1));
    copy.down_.weight[entry.dim][entry.neuron].zero_();
  }
  return copy;
}

void DownProjection::move_to(torch::Device device) {
  if (weight().device() == device) {
    return;
  }
  down_ = {moved(down_.weight, device), moved(down_.bias, device)};
  gain_ = moved(gain_, device);
  norm_weights_ = {
      moved(norm_weights_.weight, device), moved(norm_weights_.bias, device)};
  if (has_norm_) {
    make_norm();
  }
}

torch::Tensor DownProjection::operator()(const torch::Tensor& post) const {
  auto out = down_(post); // [batch, pos, d_model]
  out = has_norm_ ? (*norm_)(out) : out;
  return gain_.defined() ? out * gain_ : out;
}

MlpTerms DownProjection::terms(
    const torch::Tensor& post, std::int64_t dim, double out) const {
  const auto in_double = [](const torch::Tensor& x) {
    return x.to(torch::kCPU, torch::kFloat64);
  };
  MlpTerms terms{.neurons = in_double(weight()[dim]) * in_double(post)};
  terms.bias = down_.bias.defined() ? down_.bias[dim].item<double>() : 0;
  if (has_norm_ || gain_.defined()) {
    const double raw = terms.neurons.sum().item<double>() + terms.bias;
    const double factor = raw == 0 ? 0 : out / raw;
    terms.neurons.mul_(factor);
    terms.bias *= factor;
  }
  return terms;
}

std::vector<Intervention> zero_weights(
    const Model& model, const std::vector<DownWeight>& entries) {
  if (entries.empty()) {
    throw ConfigError(kKind, "there are no weights; name at least one");
  }
  std::map<std::int64_t, std::vector<DownWeight>> by_layer;
  for (const DownWeight& entry : entries) {
    by_layer[entry.layer].push_back(entry);
  }
  const ParameterReader parameters(model);
  std::vector<Intervention> edits;
  for (const auto& [layer, own] : by_layer) {
    const auto edit = std::make_shared<BlockEdit>(
        DownProjection(model, parameters, layer), own);
    std::set<std::int64_t> dims;
    std::set<std::int64_t> neurons;
    for (const DownWeight& entry : own) {
      dims.insert(entry.dim);
      neurons.insert(entry.neuron);
    }
    edits.push_back(
        edit_at(block_site(layer, "mlp.post"), neurons, [edit](const auto& x) {
          return edit->keep(x);
        }));
    edits.push_back(
        edit_at(block_site(layer, "mlp_out"), dims, [edit](const auto& x) {
          return edit->put(x);
        }));
  }
  return edits;
}

} // namespace ma
