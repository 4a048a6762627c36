// Which weights, which controls.
#include "experiments/weights/conditions.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>

#include "libma/hooks/hook_names.h"
#include "libma/models/parameters.h"

namespace ma::experiments {
namespace {

using ByLayer = std::map<std::int64_t, std::vector<DownWeight>>;

ByLayer by_layer(const std::vector<DownWeight>& weights) {
  ByLayer sorted;
  for (const DownWeight& weight : weights) {
    sorted[weight.layer].push_back(weight);
  }
  return sorted;
}

bool holds(const std::vector<DownWeight>& weights, const DownWeight& weight) {
  return std::find(weights.begin(), weights.end(), weight) != weights.end();
}

DownWeight weight_at(
    std::int64_t layer, std::int64_t index, const torch::Tensor& matrix) {
  const auto columns = matrix.size(1);
  return {.layer = layer, .dim = index / columns, .neuron = index % columns};
}

/// As many other weights of each block's matrix as are listed there, by
/// `index_of(matrix, i)`, i = 0, 1, ...
template <class IndexOf>
std::vector<DownWeight> others(
    const Model& model, const ByLayer& listed, const IndexOf& index_of) {
  const ParameterReader parameters(model);
  std::vector<DownWeight> found;
  for (const auto& [layer, weights] : listed) {
    const auto matrix = parameters.read(
        block_site(layer, "mlp.down.weight")); // [d_model, d_mlp]
    const auto next = index_of(matrix, weights.size());
    std::size_t taken = 0;
    for (std::int64_t i = 0; taken < weights.size(); ++i) {
      const auto other = weight_at(layer, next(i), matrix);
      if (!holds(weights, other) && !holds(found, other)) {
        found.push_back(other);
        ++taken;
      }
    }
  }
  return found;
}

std::vector<DownWeight> largest_others(
    const Model& model, const ByLayer& listed) {
  return others(model, listed, [](const torch::Tensor& matrix, std::size_t n) {
    const auto count =
        std::min(static_cast<std::int64_t>(2 * n), matrix.numel());
    auto order = std::get<1>(matrix.abs().flatten().topk(count));
    return [order](std::int64_t i) { return order[i].item<std::int64_t>(); };
  });
}

std::vector<DownWeight> random_others(
    const Model& model, const ByLayer& listed, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  return others(model, listed, [&](const torch::Tensor& matrix, std::size_t) {
    const auto size = static_cast<std::uint64_t>(matrix.numel());
    return [&random, size](std::int64_t) {
      return static_cast<std::int64_t>(random() % size);
    };
  });
}

/// mlp.post of the weights' neurons set to 0 at all tokens.
std::vector<Intervention> zero_neurons(const ByLayer& listed) {
  std::vector<Intervention> edits;
  for (const auto& [layer, weights] : listed) {
    std::set<std::int64_t> neurons;
    for (const DownWeight& weight : weights) {
      neurons.insert(weight.neuron);
    }
    edits.push_back(make_intervention(
        "set_value",
        {.site = block_site(layer, "mlp.post"),
         .select = Selection::at({}, {neurons.begin(), neurons.end()}),
         .value = 0}));
  }
  return edits;
}

/// The massive activation set to 0, or to its mean, at the block where it is
/// first.
Intervention set_activation(const MassiveProfile& profile, bool is_mean) {
  InterventionOptions options{
      .site = block_site(profile.edit_layer, "resid_post"),
      .select = profile.top(1)};
  if (is_mean) {
    options.means = profile.means_for(options.select);
  } else {
    options.value = 0;
  }
  return make_intervention("set_value", std::move(options));
}

std::string numbered_name(const DownWeight& weight) {
  return c10::str(
      "zero weight ",
      block_site(weight.layer, "mlp.down"),
      "[",
      weight.dim,
      ", ",
      weight.neuron,
      "]");
}

} // namespace

std::vector<Condition> make_weight_conditions(
    const Model& model,
    const SuperWeightSearch& search,
    const MassiveProfile& profile,
    std::uint64_t seed) {
  std::vector<Condition> rows = {{"original", {}}};
  const bool has_position =
      profile.position_of(profile.sites.front().token_class) >= 0;
  const auto weights = places_of(search);
  const auto listed = by_layer(weights);
  for (const DownWeight& weight : weights) {
    rows.push_back({numbered_name(weight), zero_weights(model, {weight})});
  }
  if (weights.size() > 1) {
    rows.push_back({"zero all of these", zero_weights(model, weights)});
  }
  if (!weights.empty() && has_position) {
    auto edits = zero_weights(model, weights);
    edits.push_back(set_activation(profile, /*is_mean=*/true));
    rows.push_back({"zero them, activation := mean", std::move(edits)});
  }
  if (!weights.empty()) {
    rows.push_back({"zero their neurons", zero_neurons(listed)});
  }
  if (has_position) {
    rows.push_back({"zero activation", {set_activation(profile, false)}});
  }
  if (!weights.empty()) {
    rows.push_back(
        {"control: largest other weights",
         zero_weights(model, largest_others(model, listed))});
    rows.push_back(
        {"control: random weights",
         zero_weights(model, random_others(model, listed, seed))});
  }
  return rows;
}

} // namespace ma::experiments
