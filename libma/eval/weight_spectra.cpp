// From parameters' names to matrices.
#include "libma/eval/weight_spectra.h"

#include <numeric>
#include <string>
#include <utility>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/models/parameters.h"

namespace ma {
namespace {

using Indices = std::vector<std::int64_t>;

/// Reads and decomposes the matrices of a block.
class BlockSpectra {
 public:
  BlockSpectra(
      const ParameterReader& parameters,
      std::int64_t layer,
      const Indices& dims,
      const Indices& neurons)
      : parameters_(parameters),
        layer_(layer),
        dims_(dims),
        neurons_(neurons) {}

  std::vector<WeightSpectrum> all(bool has_gated_mlp, bool has_experts) {
    add_writer("attn.out", read("attn.out.weight"), {});
    if (has_experts) {
      return std::move(spectra_);
    }
    add_writer("mlp.down", read("mlp.down.weight"), neurons_);
    const auto up = read("mlp.up.weight"); // [gate | up] where gated
    if (has_gated_mlp) {
      const auto d_mlp = up.size(0) / 2;
      add_reader("mlp.gate", up.narrow(/*dim=*/0, 0, d_mlp));
      add_reader("mlp.up", up.narrow(/*dim=*/0, d_mlp, d_mlp));
    } else {
      add_reader("mlp.up", up);
    }
    return std::move(spectra_);
  }

 private:
  torch::Tensor read(const char* part) const {
    return parameters_.read(block_site(layer_, part));
  }
  void add_writer(
      const char* name, const torch::Tensor& matrix, const Indices& inputs) {
    spectra_.push_back(
        {layer_, name, true, matrix_spectrum(matrix, dims_, inputs)});
  }
  void add_reader(const char* name, const torch::Tensor& matrix) {
    spectra_.push_back(
        {layer_, name, false, matrix_spectrum(matrix, neurons_, dims_)});
  }

  const ParameterReader& parameters_;
  std::int64_t layer_;
  const Indices& dims_;
  const Indices& neurons_;
  std::vector<WeightSpectrum> spectra_;
};

} // namespace

std::vector<WeightSpectrum> weight_spectra(
    const Model& model, const WeightSpectraOptions& options) {
  const auto& config = model.config();
  const auto layers =
      listed_or_all("weight_spectra", options.layers, config.n_layers);
  const ParameterReader parameters(model);
  ProgressCounter progress(
      options.progress,
      {.stage = "weight spectra",
       .total = static_cast<std::int64_t>(layers.size()),
       .unit = "blocks"});
  std::vector<WeightSpectrum> spectra;
  for (const std::int64_t layer : layers) {
    const auto found = options.neurons.find(layer);
    const auto neurons =
        found == options.neurons.end() ? Indices() : found->second;
    auto own = BlockSpectra(parameters, layer, options.dims, neurons)
                   .all(config.has_gated_mlp, config.n_experts > 0);
    for (WeightSpectrum& each : own) {
      spectra.push_back(std::move(each));
    }
    progress.add(1);
  }
  return spectra;
}

std::vector<NormGain> norm_gains(const Model& model, const Indices& dims) {
  const auto& config = model.config();
  const ParameterReader parameters(model);
  std::vector<NormGain> gains;
  const auto add =
      [&](std::int64_t layer, const std::string& norm, const std::string& at) {
        const auto name = at + ".weight";
        if (parameters.has(name)) {
          const auto values = parameters.read(name).to(torch::kFloat64) +
                              config.norm.gain_offset;
          const auto own = gains_at(values, dims, layer, norm);
          gains.insert(gains.end(), own.begin(), own.end());
        }
      };
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const char* norm : {"ln1", "ln1_post", "ln2", "ln2_post"}) {
      add(layer, norm, block_site(layer, norm));
    }
  }
  add(-1, "ln_final", "ln_final");
  return gains;
}

} // namespace ma
