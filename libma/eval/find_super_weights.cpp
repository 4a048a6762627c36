// Look, remove, look again.
#include "libma/eval/find_super_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "libma/core/error.h"
#include "libma/models/parameters.h"

namespace ma {
namespace {

constexpr const char* kWhere = "find_super_weights";

/// The largest entry of |x| and its flat index.
std::pair<double, std::int64_t> largest(const torch::Tensor& x) {
  const auto [value, index] = x.abs().flatten().max(/*dim=*/0);
  return {value.item<double>(), index.item<std::int64_t>()};
}

/// One pass over all sequences: the peak of each block, and the neurons at its
/// token.
class Look {
 public:
  Look(
      const Model& model,
      const torch::Tensor& sequences,
      const std::vector<Intervention>& edits)
      : peaks(static_cast<std::size_t>(model.config().n_layers)),
        neurons(peaks.size()) {
    std::vector<HookHandle> handles;
    handles.reserve(edits.size());
    for (const Intervention& edit : edits) {
      handles.push_back(model.add_hook(edit.site(), edit));
    }
    const auto watch = [&](const char* site, auto observe) {
      handles.push_back(model.add_hook(
          site, [this, observe](const torch::Tensor& x, const HookSite& at) {
            (this->*observe)(static_cast<std::size_t>(at.layer), x);
            return x;
          }));
    };
    watch("blocks.*.mlp.post", &Look::observe_post);
    watch("blocks.*.mlp_out", &Look::observe_out);
    watch("blocks.*.resid_post", &Look::observe_stream);
    for (sequence_ = 0; sequence_ < sequences.size(0); ++sequence_) {
      const TokenBatch batch(sequences[sequence_]);
      ids_ = batch.ids[0];
      model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
    }
    post_.reset();
  }

  std::vector<MlpPeak> peaks;
  std::vector<torch::Tensor> neurons; ///< of each peak's token, [d_mlp]

 private:
  void observe_post(std::size_t /*layer*/, const torch::Tensor& x) {
    post_ = x[0]; // [pos, d_mlp]
  }

  void observe_out(std::size_t layer, const torch::Tensor& x) {
    const auto [magnitude, index] = largest(x[0]);
    MlpPeak& peak = peaks[layer];
    if (sequence_ > 0 && !(magnitude > std::abs(peak.output))) {
      return;
    }
    const auto d_model = x.size(2);
    peak.layer = static_cast<std::int64_t>(layer);
    peak.sequence = sequence_;
    peak.position = index / d_model;
    peak.token_id = ids_[peak.position].item<std::int64_t>();
    peak.dim = index % d_model;
    peak.output = x[0][peak.position][peak.dim].item<double>();
    neurons[layer] = post_[peak.position].clone();
    peak.neuron = largest(neurons[layer]).second;
    peak.input = neurons[layer][peak.neuron].item<double>();
  }

  void observe_stream(std::size_t layer, const torch::Tensor& x) {
    peaks[layer].stream = std::max(peaks[layer].stream, largest(x).first);
  }

  std::int64_t sequence_ = 0;
  torch::Tensor ids_;  // int64 [pos]
  torch::Tensor post_; // of the block under way
};

/// The search: what it has removed and how it goes on.
class Search {
 public:
  Search(
      const Model& model,
      const torch::Tensor& sequences,
      const SuperWeightOptions& options)
      : model_(model),
        parameters_(model),
        sequences_(sequences),
        options_(options),
        progress_(
            options.progress,
            {.stage = "find super weights", .unit = "passes"}) {}

  SuperWeightSearch run() {
    auto look = look_again();
    set_thresholds(look);
    found_.peaks = look.peaks;
    for (;;) {
      auto next = next_weight(look);
      if (!next) {
        return std::move(found_);
      }
      if (static_cast<std::int64_t>(found_.weights.size()) ==
          options_.max_weights) {
        found_.has_more = true;
        return std::move(found_);
      }
      found_.weights.push_back(*std::move(next));
      look = look_again();
      SuperWeight& last = found_.weights.back();
      last.stream_without =
          look.peaks[static_cast<std::size_t>(last.peak.layer)].stream;
    }
  }

 private:
  Look look_again() {
    const auto removed = places_of(found_);
    Look look(
        model_,
        sequences_,
        removed.empty() ? std::vector<Intervention>()
                        : zero_weights(model_, removed));
    progress_.add(1);
    return look;
  }

  void set_thresholds(Look& first) {
    double largest = 0;
    for (const MlpPeak& peak : first.peaks) {
      largest = std::max(largest, std::abs(peak.output));
    }
    found_.input_threshold = options_.threshold;
    found_.output_threshold =
        std::max(options_.threshold, options_.share * largest);
    for (MlpPeak& peak : first.peaks) {
      peak.is_spike = is_spike(peak);
    }
  }

  bool is_spike(const MlpPeak& peak) const {
    return std::abs(peak.input) > found_.input_threshold &&
           std::abs(peak.output) > found_.output_threshold;
  }

  /// The weight that does most for the first spike.
  std::optional<SuperWeight> next_weight(const Look& look) const {
    for (std::size_t layer = 0; layer < look.peaks.size(); ++layer) {
      if (!is_spike(look.peaks[layer])) {
        continue;
      }
      if (auto next = blame(look.peaks[layer], look.neurons[layer])) {
        return next;
      }
    }
    return std::nullopt;
  }

  std::optional<SuperWeight> blame(
      const MlpPeak& peak, const torch::Tensor& neurons) const {
    const DownProjection whole(model_, parameters_, peak.layer);
    std::vector<DownWeight> gone;
    for (const DownWeight& place : places_of(found_)) {
      if (place.layer == peak.layer) {
        gone.push_back(place);
      }
    }
    const auto terms = (gone.empty() ? whole : whole.zeroed(gone))
                           .terms(neurons, peak.dim, peak.output)
                           .neurons; // [d_mlp]
    const auto inputs = neurons.to(torch::kCPU, torch::kFloat64);
    const auto helps = (terms * (peak.output > 0 ? 1 : -1))
                           .masked_fill(
                               inputs.abs() <= found_.input_threshold,
                               -std::numeric_limits<double>::infinity());
    const auto neuron = helps.argmax().item<std::int64_t>();
    if (!(helps[neuron].item<double>() > 0)) {
      return std::nullopt;
    }
    const auto weight = whole.weight()[peak.dim][neuron];
    SuperWeight found{
        .peak = peak,
        .neuron = neuron,
        .is_largest_input = neuron == peak.neuron,
        .input = inputs[neuron].item<double>(),
        .weight = weight.item<double>(),
        .rank =
            1 +
            (whole.weight().abs() > weight.abs()).sum().item<std::int64_t>(),
        .contribution = terms[neuron].item<double>()};
    found.peak.is_spike = true;
    found.share = found.contribution / peak.output;
    return found;
  }

  const Model& model_;
  ParameterReader parameters_;
  torch::Tensor sequences_;
  SuperWeightOptions options_;
  ProgressCounter progress_;
  SuperWeightSearch found_;
};

} // namespace

SuperWeightSearch find_super_weights(
    const Model& model,
    const torch::Tensor& sequences,
    const SuperWeightOptions& options) {
  if (!(options.threshold >= 0) || !(options.share >= 0) ||
      options.max_weights < 1) {
    throw ConfigError(
        kWhere,
        c10::str(
            "expected threshold and share of at least 0 and max_weights of at "
            "least 1, got ",
            options.threshold,
            ", ",
            options.share,
            " and ",
            options.max_weights));
  }
  const TokenBatch all(sequences);
  if (!all.ids.defined() || all.ids.numel() == 0) {
    throw ShapeError(
        kWhere, "there are no sequences; give int64 [pos] or [n, pos]");
  }
  if (model.config().n_experts > 0) {
    DownProjection(model, ParameterReader(model), 0); // throws
  }
  return Search(model, all.ids, options).run();
}

DownWeight place_of(const SuperWeight& found) {
  return {
      .layer = found.peak.layer, .dim = found.peak.dim, .neuron = found.neuron};
}

std::vector<DownWeight> places_of(const SuperWeightSearch& search) {
  std::vector<DownWeight> places;
  places.reserve(search.weights.size());
  for (const SuperWeight& found : search.weights) {
    places.push_back(place_of(found));
  }
  return places;
}

} // namespace ma
