// Outliers by their norms, neurons by their means there.
#include "libma/analysis/register_neurons.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr const char* kWhere = "register neurons";

/// Norms of the patches, float64 [batch, patch] on the CPU; only the norms are
/// float64.
torch::Tensor patch_norms(const torch::Tensor& x, std::int64_t n_prefix) {
  const auto dtype =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  const auto norms =
      at::linalg_vector_norm(
          x.slice(/*dim=*/1, n_prefix), /*ord=*/2, /*dim=*/{-1}, false, dtype)
          .to(torch::kCPU, torch::kFloat64);
  if (!at::isfinite(norms).all().item<bool>()) {
    throw ConfigError(
        kWhere,
        c10::str(
            "a patch's norm is not finite in ",
            x.scalar_type(),
            x.scalar_type() == torch::kHalf
                ? "; use float32 or bfloat16"
                : "; look at the pixels and the edits"));
  }
  return norms;
}

torch::Tensor divided(const torch::Tensor& sum, std::int64_t count) {
  return count > 0
             ? sum / count
             : at::full_like(sum, std::numeric_limits<double>::quiet_NaN());
}

} // namespace

std::string HighNormRule::describe() const {
  return threshold
             ? c10::str("above ", *threshold)
             : c10::str(
                   "above ", ratio, " x the median of its image's patches");
}

void check_rule(const HighNormRule& rule) {
  for (const auto& [name, value] :
       {std::pair("threshold", rule.threshold.value_or(0)),
        std::pair("ratio", rule.ratio)}) {
    if (!(value >= 0)) {
      throw ConfigError(
          kWhere,
          c10::str("option '", name, "' is ", value, "; give 0 or more"));
    }
  }
}

PatchOutliers find_outliers(
    const torch::Tensor& x, std::int64_t n_prefix, const HighNormRule& rule) {
  check_rule(rule);
  if (x.dim() != 3 || x.size(0) == 0 || x.size(1) <= n_prefix) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.sizes(),
            "; expected [batch, pos, d_model] with more than ",
            n_prefix,
            " tokens"));
  }
  const auto norms = patch_norms(x, n_prefix);
  const auto medians = std::get<0>(
      norms.median(/*dim=*/1, /*keepdim=*/true)); // the lower of two middles
  const auto bound = rule.threshold ? at::full_like(medians, *rule.threshold)
                                    : medians * rule.ratio; // [batch, 1]
  return {
      .is_outlier = norms > bound,
      .max_norm = norms.max().item<double>(),
      .max_ratio = (norms / medians).max().item<double>()};
}

NeuronMeansAccumulator::NeuronMeansAccumulator(
    std::int64_t n_layers, std::int64_t n_prefix)
    : n_prefix_(n_prefix), sums_(static_cast<std::size_t>(n_layers)) {}

void NeuronMeansAccumulator::observe(
    std::int64_t layer,
    const torch::Tensor& x,
    const torch::Tensor& is_outlier) {
  const auto n_layers = static_cast<std::int64_t>(sums_.size());
  if (layer < 0 || layer >= n_layers || x.dim() != 3 || is_outlier.dim() != 2 ||
      is_outlier.size(0) != x.size(0) ||
      n_prefix_ + is_outlier.size(1) != x.size(1)) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.sizes(),
            " in block ",
            layer,
            " of ",
            n_layers,
            " with outliers ",
            is_outlier.sizes(),
            " and ",
            n_prefix_,
            " tokens before the patches"));
  }
  Sums& sums = sums_[static_cast<std::size_t>(layer)];
  if (!sums.at_outliers.defined()) {
    sums.at_outliers = at::zeros({x.size(2)}, torch::kFloat64);
    sums.elsewhere = at::zeros({x.size(2)}, torch::kFloat64);
  }
  if (sums.at_outliers.size(0) != x.size(2)) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.size(2),
            " neurons of block ",
            layer,
            " after ",
            sums.at_outliers.size(0)));
  }
  for (std::int64_t row = 0; row < x.size(0); ++row) {
    sums.add(x[row].slice(/*dim=*/0, n_prefix_), is_outlier[row]);
  }
}

void NeuronMeansAccumulator::Sums::add(
    const torch::Tensor& patches, const torch::Tensor& is_outlier) {
  const auto outliers = is_outlier.nonzero().squeeze(1);
  const auto others = is_outlier.logical_not().nonzero().squeeze(1);
  if (outliers.numel() == 0) {
    return;
  }
  // One image at a time: float64 never holds more than its patches.
  const auto magnitudes = patches.abs(); // [patch, neuron]
  const auto mean_at = [&](const torch::Tensor& rows) {
    return magnitudes.index_select(/*dim=*/0, rows.to(magnitudes.device()))
        .mean(/*dim=*/0, /*keepdim=*/false, torch::kFloat64)
        .to(torch::kCPU); // [neuron]
  };
  at_outliers += mean_at(outliers);
  ++n_images;
  if (others.numel() > 0) {
    elsewhere += mean_at(others);
    ++n_with_others;
  }
}

NeuronMeans NeuronMeansAccumulator::finish() const {
  NeuronMeans means;
  means.n_images = sums_.empty() ? 0 : sums_.front().n_images;
  std::vector<torch::Tensor> at_outliers;
  std::vector<torch::Tensor> elsewhere;
  for (const Sums& sums : sums_) {
    if (sums.n_images != means.n_images) {
      throw ShapeError(kWhere, "blocks saw different numbers of images");
    }
    if (means.n_images > 0) {
      at_outliers.push_back(divided(sums.at_outliers, sums.n_images));
      elsewhere.push_back(divided(sums.elsewhere, sums.n_with_others));
    }
  }
  const auto none =
      at::empty({static_cast<std::int64_t>(sums_.size()), 0}, torch::kFloat64);
  means.at_outliers = at_outliers.empty() ? none : at::stack(at_outliers);
  means.elsewhere = elsewhere.empty() ? none : at::stack(elsewhere);
  return means;
}

std::vector<RegisterNeuron> top_neurons(
    const NeuronMeans& means, std::int64_t top_k) {
  const auto n_neurons = means.at_outliers.numel();
  if (top_k < 1 || (n_neurons > 0 && top_k > n_neurons)) {
    throw ConfigError(
        kWhere,
        n_neurons > 0
            ? c10::str("option 'top_k' is ", top_k, "; give 1 to ", n_neurons)
            : c10::str("option 'top_k' is ", top_k, "; give 1 or more"));
  }
  std::vector<RegisterNeuron> neurons;
  if (n_neurons == 0) {
    return neurons;
  }
  const auto width = means.at_outliers.size(1);
  const auto order = means.at_outliers.flatten().argsort(
      /*stable=*/true, /*dim=*/0, /*descending=*/true);
  for (std::int64_t i = 0; i < top_k; ++i) {
    const auto at = order[i].item<std::int64_t>();
    const auto layer = at / width;
    const auto neuron = at % width;
    neurons.push_back(
        {.layer = layer,
         .neuron = neuron,
         .at_outliers = means.at_outliers[layer][neuron].item<double>(),
         .elsewhere = means.elsewhere[layer][neuron].item<double>()});
  }
  return neurons;
}

std::string RegisterNeurons::describe_outliers() const {
  return c10::str(
      "patches with a norm ",
      options.outliers.describe(),
      " after block ",
      options.detect_layer,
      " (layer ",
      options.detect_layer + 1,
      "): ",
      format_count(n_outliers),
      " of ",
      format_count(n_patches),
      ", in ",
      format_count(means.n_images),
      " of ",
      format_count(n_images),
      " images; the largest norm is ",
      format_number(max_norm),
      ", the largest ratio to the median ",
      format_number(max_ratio));
}

Table register_neurons_table(const RegisterNeurons& found) {
  Table table(
      {block_column(),
       layer_column(),
       index_column("neuron"),
       {.name = "mean magnitude at outliers"},
       {.name = "elsewhere"},
       {.name = "ratio"}});
  for (const RegisterNeuron& neuron : found.neurons) {
    table.add_row(
        {neuron.layer,
         neuron.layer + 1,
         neuron.neuron,
         neuron.at_outliers,
         neuron.elsewhere,
         neuron.ratio()});
  }
  return table;
}

} // namespace ma
