// From what each key of a batch receives to sums over sequences.
#include "libma/analysis/attention_sinks.h"

#include <algorithm>
#include <utility>

#include "libma/analysis/pattern_sums.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr const char* kWhere = "attention sinks";

void check_share(const char* name, double value) {
  if (!(value >= 0 && value <= 1)) {
    throw ConfigError(
        kWhere, c10::str("option '", name, "' is ", value, "; give 0 to 1"));
  }
}

void check_options(const AttentionSinkOptions& options) {
  for (const double eps : options.eps) {
    check_share("eps", eps);
  }
  check_share("concentrated", options.concentrated);
  check_share("outlier", options.outlier);
  if (options.fewest_queries < 1) {
    throw ConfigError(
        kWhere,
        c10::str(
            "option 'fewest_queries' is ",
            options.fewest_queries,
            "; give 1 or more"));
  }
}

/// How many queries see each of `n_keys`: float64 [key_pos].
torch::Tensor queries_of_keys(std::int64_t n_keys, bool is_causal) {
  return is_causal ? at::arange(n_keys, 0, -1, torch::kFloat64)
                   : at::full({n_keys}, n_keys, torch::kFloat64);
}

/// The keys that count for "any key": the first ones.
std::int64_t counted_keys(
    std::int64_t n_keys, const AttentionSinkOptions& options) {
  const auto fewest = std::min(options.fewest_queries, n_keys);
  return options.is_causal ? n_keys - fewest + 1 : n_keys;
}

/// How many of `alpha` [batch, head] are above each eps: float64 [head, eps].
torch::Tensor count_above(
    const torch::Tensor& alpha, const std::vector<double>& eps) {
  const auto bounds = at::tensor(eps, torch::kFloat64); // [eps]
  return (alpha.unsqueeze(2) > bounds)
      .sum(/*dim=*/0)
      .to(torch::kFloat64); // [head, eps]
}

void accumulate(torch::Tensor& total, const torch::Tensor& part) {
  total = total.defined() ? total + part : part;
}

void check_marks(const KeyMarks& marks, const torch::Tensor& received) {
  const std::vector<std::int64_t> shape = {received.size(0), received.size(2)};
  const auto fits = [&](const torch::Tensor& mark, torch::ScalarType dtype) {
    return mark.is_cpu() && mark.scalar_type() == dtype &&
           mark.sizes() == at::IntArrayRef(shape);
  };
  if (!marks.massive.defined() || !fits(marks.massive, torch::kBool) ||
      (marks.classes.defined() && !fits(marks.classes, torch::kInt8))) {
    throw ShapeError(
        kWhere,
        c10::str(
            "marks do not fit the pattern; expected bool and int8 [",
            shape[0],
            ", ",
            shape[1],
            "] on the CPU"));
  }
}

} // namespace

AttentionSinkAccumulator::AttentionSinkAccumulator(
    std::vector<std::int64_t> layers, AttentionSinkOptions options) {
  check_options(options);
  if (layers.empty()) {
    throw ConfigError(kWhere, "no blocks are given; name at least one");
  }
  std::sort(layers.begin(), layers.end());
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  pending_.resize(layers.size());
  sums_.resize(layers.size());
  found_.outliers.resize(layers.size());
  found_.options = std::move(options);
  found_.layers = std::move(layers);
}

std::size_t AttentionSinkAccumulator::index_of(
    std::int64_t layer, const torch::Tensor& x) const {
  const auto& layers = found_.layers;
  const auto found = std::lower_bound(layers.begin(), layers.end(), layer);
  if (found == layers.end() || *found != layer) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.sizes(),
            " of block ",
            layer,
            ", which is not among the blocks to look at"));
  }
  return static_cast<std::size_t>(found - layers.begin());
}

void AttentionSinkAccumulator::observe(
    std::int64_t layer, const torch::Tensor& pattern) {
  Pending& pending = pending_[index_of(layer, pattern)];
  auto sums = sum_pattern(pattern, found_.options.is_causal);
  if (!at::isfinite(sums.received).all().item<bool>()) {
    throw ConfigError(
        kWhere,
        c10::str(
            "the attention of block ",
            layer,
            " is not finite in ",
            pattern.scalar_type(),
            "; use float32 or bfloat16"));
  }
  if (pending.received.defined()) {
    throw ShapeError(
        kWhere, c10::str("block ", layer, " was shown twice in one batch"));
  }
  pending.received = std::move(sums.received);
  pending.entropy = std::move(sums.entropy);
}

void AttentionSinkAccumulator::observe_scores(
    std::int64_t layer, const torch::Tensor& scores) {
  Pending& pending = pending_[index_of(layer, scores)];
  auto sums = sum_scores(scores, found_.options.is_causal);
  pending.score_sum = std::move(sums.sum);
  pending.score_count = std::move(sums.count);
}

void AttentionSinkAccumulator::finish_batch(const KeyMarks& marks) {
  const auto& first = pending_.front().received;
  for (const Pending& pending : pending_) {
    if (!pending.received.defined() ||
        pending.received.sizes() != first.sizes() ||
        pending.score_sum.defined() != pending_.front().score_sum.defined() ||
        (pending.score_sum.defined() &&
         pending.score_sum.sizes() != first.sizes())) {
      throw ShapeError(
          kWhere,
          "not every block was shown the same sequences; show each once");
    }
  }
  check_marks(marks, first);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    add(i, marks);
    pending_[i] = {};
  }
  found_.n_sequences += marks.massive.size(0);
  found_.n_massive += marks.massive.sum().item<std::int64_t>();
}

void AttentionSinkAccumulator::add(std::size_t index, const KeyMarks& marks) {
  const Pending& pending = pending_[index];
  const auto& options = found_.options;
  Sums& sums = sums_[index];
  const auto n_keys = pending.received.size(2);
  const auto massive =
      marks.massive.to(torch::kFloat64).unsqueeze(1); // [batch, 1, key_pos]
  const auto alpha =
      pending.received /
      queries_of_keys(n_keys, options.is_causal); // [batch, head, key_pos]
  const auto first = alpha.select(/*dim=*/2, 0);  // [batch, head]
  const auto largest =
      alpha.narrow(/*dim=*/2, 0, counted_keys(n_keys, options)).amax(2);
  accumulate(sums.first, first.sum(0));
  accumulate(sums.massive, (pending.received * massive).sum({0, 2}) / n_keys);
  accumulate(sums.largest, largest.sum(0));
  accumulate(sums.entropy, pending.entropy.sum(0));
  accumulate(sums.sink_first, count_above(first, options.eps));
  accumulate(sums.sink_any, count_above(largest, options.eps));
  if (pending.score_sum.defined()) {
    const auto parts = [&](const torch::Tensor& values) {
      const auto on_massive = (values * massive).sum({0, 2}); // [head]
      return std::pair(on_massive, values.sum({0, 2}) - on_massive);
    };
    const auto [sum, other_sum] = parts(pending.score_sum);
    const auto [count, other_count] = parts(pending.score_count);
    accumulate(
        sums.scores,
        at::stack({sum, count, other_sum, other_count}, /*dim=*/1));
  }
  count_outliers(index, pending.received, marks);
}

void AttentionSinkAccumulator::count_outliers(
    std::size_t index, const torch::Tensor& received, const KeyMarks& marks) {
  const auto bound =
      found_.options.outlier * static_cast<double>(received.size(2));
  const auto is_outlier = received.mean(/*dim=*/1) >= bound; // [batch, key_pos]
  AttentionOutliers& counts = found_.outliers[index];
  counts.all += is_outlier.sum().item<std::int64_t>();
  counts.massive +=
      is_outlier.logical_and(marks.massive).sum().item<std::int64_t>();
  if (!marks.classes.defined()) {
    return;
  }
  const auto classes = marks.classes.masked_select(is_outlier);
  for (std::int64_t i = 0; i < classes.numel(); ++i) {
    ++counts.by_class[static_cast<TokenClass>(
        classes.const_data_ptr<std::int8_t>()[i])];
  }
}

AttentionSinks AttentionSinkAccumulator::finish() const {
  if (found_.n_sequences == 0) {
    throw ShapeError(kWhere, "no sequences were seen; show at least one");
  }
  AttentionSinks found = found_;
  const auto mean = [&](torch::Tensor Sums::* part) {
    std::vector<torch::Tensor> layers;
    layers.reserve(sums_.size());
    for (const Sums& sums : sums_) {
      layers.push_back(sums.*part / found.n_sequences);
    }
    return at::stack(layers); // [layer, head, ...]
  };
  found.first = mean(&Sums::first);
  found.massive = mean(&Sums::massive);
  found.largest = mean(&Sums::largest);
  found.entropy = mean(&Sums::entropy);
  found.sink_first = mean(&Sums::sink_first);
  found.sink_any = mean(&Sums::sink_any);
  if (sums_.front().scores.defined()) {
    const auto scores = mean(&Sums::scores); // [layer, head, 4]
    found.massive_score = scores.select(2, 0) / scores.select(2, 1);
    found.other_score = scores.select(2, 2) / scores.select(2, 3);
  }
  return found;
}

} // namespace ma
