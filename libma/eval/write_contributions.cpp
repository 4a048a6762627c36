// Columns of the stream while a batch passes, summed over sequences.
#include "libma/eval/write_contributions.h"

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <vector>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/eval/down_projection.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

constexpr const char* kWhere = "write_contributions";
constexpr std::array<const char*, 4> kWrites = {
    "resid_pre", "attn_out", "mlp_out", "resid_post"};
constexpr std::array<const char*, 3> kNeurons = {
    "mlp.post", "mlp.pre", "mlp.pre_linear"};

/// x[i, positions[i]] of `x` [batch, pos, ...], on the CPU in double.
torch::Tensor at_tokens(
    const torch::Tensor& x, const torch::Tensor& positions) {
  const auto rows = at::arange(x.size(0), x.device());
  return x.index({rows, positions.to(x.device())})
      .to(torch::kCPU, torch::kFloat64);
}

class Meter {
 public:
  Meter(const Model& model, const WriteOptions& options)
      : model_(model), options_(options) {
    const auto n_layers = model.config().n_layers;
    for (const char* site : kWrites) {
      sums_[site] = at::zeros({n_layers}, torch::kFloat64);
    }
    if (model.config().n_experts == 0) {
      projection_.emplace(model, ParameterReader(model), options.layer);
    }
  }

  void observe(const TokenBatch& batch) {
    {
      const auto handles = hooks();
      model_.run_blocks(
          model_.embed(batch), 0, model_.config().n_layers, batch);
    }
    const auto positions = find_positions(batch);
    for (const char* site : kWrites) {
      for (std::int64_t layer = 0; layer < model_.config().n_layers; ++layer) {
        const auto values =
            at_tokens(columns_.at(block_site(layer, site)), positions);
        sums_.at(site)[layer] += values.sum();
      }
    }
    if (projection_) {
      observe_neurons(*projection_, positions);
    }
    for (std::int64_t i = 0; i < positions.numel(); ++i) {
      positions_.push_back(positions[i].item<std::int64_t>());
    }
    columns_.clear();
    neurons_.clear();
  }

  WriteContributions finish() const {
    WriteContributions found{
        .layer = options_.layer, .dim = options_.dim, .positions = positions_};
    const auto n = static_cast<double>(positions_.size());
    for (std::int64_t layer = 0; layer < model_.config().n_layers; ++layer) {
      const auto mean = [&](const char* site) {
        return sums_.at(site)[layer].item<double>() / n;
      };
      BlockWrite block{
          .layer = layer,
          .before = mean("resid_pre"),
          .attention = mean("attn_out"),
          .mlp = mean("mlp_out"),
          .after = mean("resid_post")};
      block.rest = block.after - block.before - block.attention - block.mlp;
      found.blocks.push_back(block);
    }
    mark_steps(found.blocks, options_.step_share);
    if (projection_) {
      const auto mean = [&](const std::string& site) {
        const auto sum = neuron_sums_.find(site);
        return sum == neuron_sums_.end() ? torch::Tensor() : sum->second / n;
      };
      found.bias = bias_sum_ / n;
      found.contributions = mean("terms");
      found.neurons = rank_neurons(
          {.contributions = found.contributions,
           .weights = projection_->weight()[options_.dim].to(torch::kFloat64),
           .post = mean("mlp.post"),
           .pre = mean("mlp.pre"),
           .pre_linear = mean("mlp.pre_linear")},
          found.blocks[static_cast<std::size_t>(options_.layer)].mlp,
          options_.top);
    }
    return found;
  }

 private:
  std::vector<HookHandle> hooks() {
    std::vector<HookHandle> handles;
    handles.reserve(kWrites.size());
    for (const char* site : kWrites) {
      handles.push_back(model_.add_hook(
          block_site_pattern(site),
          [this](const torch::Tensor& x, const HookSite& at) {
            columns_[at.name] = x.select(/*dim=*/2, options_.dim).clone();
            return x;
          }));
    }
    for (const char* site : kNeurons) {
      const auto name = block_site(options_.layer, site);
      if (projection_ && model_.hooks().has(name)) {
        handles.push_back(model_.add_hook(
            name, [this, site](const torch::Tensor& x, const HookSite&) {
              neurons_[site] = options_.position
                                   ? x.select(/*dim=*/1, *options_.position)
                                         .clone() // [batch, d_mlp]
                                   : x.clone();
              return x;
            }));
      }
    }
    return handles;
  }

  static std::string block_site_pattern(const char* site) {
    return std::string("blocks.*.") + site;
  }

  /// int64 [batch]: the token of each sequence.
  torch::Tensor find_positions(const TokenBatch& batch) const {
    if (options_.position) {
      return at::full({batch.ids.size(0)}, *options_.position, torch::kInt64);
    }
    return columns_.at(block_site(options_.layer, "resid_post"))
        .abs()
        .argmax(/*dim=*/1)
        .to(torch::kCPU);
  }

  void observe_neurons(
      const DownProjection& projection, const torch::Tensor& positions) {
    const auto out = at_tokens(
        columns_.at(block_site(options_.layer, "mlp_out")), positions);
    std::map<std::string, torch::Tensor> seen; // float64 [batch, d_mlp]
    for (const auto& [site, x] : neurons_) {
      seen[site] = options_.position ? x.to(torch::kCPU, torch::kFloat64)
                                     : at_tokens(x, positions);
      add(site, seen[site].sum(/*dim=*/0));
    }
    for (std::int64_t i = 0; i < positions.numel(); ++i) {
      const auto terms = projection.terms(
          seen.at("mlp.post")[i], options_.dim, out[i].item<double>());
      add("terms", terms.neurons);
      bias_sum_ += terms.bias;
    }
  }

  void add(const std::string& name, const torch::Tensor& values) {
    const auto [sum, is_new] = neuron_sums_.try_emplace(name, values);
    if (!is_new) {
      sum->second = sum->second + values;
    }
  }

  const Model& model_;
  const WriteOptions& options_;
  std::optional<DownProjection> projection_; ///< none in a mixture of experts
  std::map<std::string, torch::Tensor> columns_; ///< of this pass, [batch, pos]
  std::map<std::string, torch::Tensor>
      neurons_; ///< [batch, pos, d_mlp], or of the one position [batch, d_mlp]
  std::vector<std::int64_t> positions_;
  std::map<std::string, torch::Tensor> sums_;        ///< float64 [layer]
  std::map<std::string, torch::Tensor> neuron_sums_; ///< float64 [d_mlp]
  double bias_sum_ = 0;
};

} // namespace

WriteContributions write_contributions(
    const Model& model,
    const torch::Tensor& sequences,
    const WriteOptions& options) {
  check_index(kWhere, "block", options.layer, model.config().n_layers);
  check_index(kWhere, "dim", options.dim, model.config().d_model);
  const TokenBatch all(sequences);
  if (!all.ids.defined() || all.ids.numel() == 0) {
    throw ShapeError(
        kWhere, "there are no sequences; give int64 [pos] or [n, pos]");
  }
  const auto length = all.ids.size(1);
  if (options.position) {
    check_index(kWhere, "position", *options.position, length);
  }
  const auto n = all.ids.size(0);
  const auto rows = std::max<std::int64_t>(1, options.tokens_per_pass / length);
  Meter meter(model, options);
  ProgressCounter progress(
      options.progress,
      {.stage = "write contributions", .total = n, .unit = "sequences"});
  for (std::int64_t first = 0; first < n; first += rows) {
    const TokenBatch batch(all.ids.slice(/*dim=*/0, first, first + rows));
    meter.observe(batch);
    progress.add(batch.ids.size(0));
  }
  return meter.finish();
}

} // namespace ma
