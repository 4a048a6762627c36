// Looking at the streams of a batch.
#include "libma/analysis/massive_accumulator.h"

#include <algorithm>
#include <cmath>

#include "libma/analysis/position_sums.h"
#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kTop = 5;
const std::vector<double> kShares = {0.01, 0.1};

/// What stands at one entry.
struct Place {
  MassiveAccumulator::SiteKey key;
  std::int64_t token_id; // -1 in images
  std::int64_t sequence;
};

void add(
    KeptMap<MassiveAccumulator::SiteKey, MassiveAccumulator::SiteStats>& sites,
    const Place& place,
    double value,
    double median) {
  auto& site = sites[place.key];
  site.value.add(value);
  site.magnitude.add(std::abs(value));
  site.ratio.add(std::abs(value) / median);
  if (place.token_id >= 0) {
    ++site.tokens[place.token_id];
  }
  if (site.last_sequence != place.sequence) {
    site.last_sequence = place.sequence;
    ++site.sequences;
  }
}

} // namespace

MassiveAccumulator::MassiveAccumulator(
    std::int64_t n_layers,
    MassiveCriterion criterion,
    torch::Tensor token_classes)
    : criterion_(criterion),
      token_classes_(std::move(token_classes)),
      layers_(static_cast<std::size_t>(n_layers)) {
  check_selection(
      {.kind = SelectionKind::kCriterion,
       .magnitude = criterion.magnitude,
       .ratio = criterion.ratio},
      "massive criterion");
}

MagnitudeQuery MassiveAccumulator::query(const MassiveCriterion& criterion) {
  return {
      .magnitude = criterion.magnitude,
      .ratio = criterion.ratio,
      .top = kTop,
      .shares = kShares};
}

std::vector<RowMagnitudes> MassiveAccumulator::observe(
    std::int64_t layer, const torch::Tensor& x, const TokenBatch& batch) {
  const auto n_layers = static_cast<std::int64_t>(layers_.size());
  if (layer < 0 || layer >= n_layers || x.dim() != 3 ||
      (has_images_ && x.size(1) < static_cast<std::int64_t>(own_.size())) ||
      (!has_images_ &&
       (!batch.ids.defined() || x.sizes().slice(0, 2) != batch.ids.sizes())) ||
      (d_model_ != 0 && x.size(2) != d_model_)) {
    throw ShapeError(
        "massive accumulator",
        c10::str(
            "cannot look at ",
            x.sizes(),
            " after block ",
            layer,
            " of ",
            n_layers,
            "; expected [batch, pos, d_model] that fits the ids and earlier "
            "streams"));
  }
  d_model_ = x.size(2);
  auto& stats = layers_[static_cast<std::size_t>(layer)];
  if (!stats.sums.defined()) {
    const auto kinds = static_cast<std::int64_t>(own_.size()) + 1;
    stats.sums = at::zeros({kinds, d_model_}, torch::kFloat64);
    stats.positions.resize(own_.size() + 1);
  }
  const auto tokens =
      real_tokens(&batch, x.size(0), x.size(1), "massive accumulator");
  const Tokens standing = tokens_of(x, batch);
  const auto contiguous = x.contiguous();
  std::vector<std::vector<ElementRange>> rows;
  for (const RealTokens& real : tokens) {
    rows.push_back(real.elements(
        static_cast<std::int64_t>(rows.size()), x.size(1), d_model_));
    length_ = std::max(length_, real.count);
    const auto own =
        std::min(static_cast<std::int64_t>(own_.size()), real.count);
    for (std::int64_t i = 0; i < own; ++i) {
      stats.positions[static_cast<std::size_t>(i)] += 1;
    }
    stats.positions.back() += real.count - own;
  }
  auto found = scan_rows(contiguous, rows, query(criterion_));
  for (const RowMagnitudes& row : found) {
    observe_row(stats, row, standing);
  }
  add_position_sums(contiguous, tokens, stats.sums);
  return found;
}

void MassiveAccumulator::expect_images(std::vector<TokenClass> prefix) {
  own_ = std::move(prefix);
  has_images_ = true;
}

MassiveAccumulator::Tokens MassiveAccumulator::tokens_of(
    const torch::Tensor& x, const TokenBatch& batch) const {
  if (!has_images_) {
    const TokenBatch on_cpu(batch.ids.to(torch::kCPU).contiguous(), batch.mask);
    return {classify_tokens(on_cpu, token_classes_), on_cpu.ids};
  }
  auto row =
      at::full({x.size(1)}, static_cast<int>(TokenClass::kPatch), torch::kInt8);
  auto* classes = row.mutable_data_ptr<std::int8_t>();
  for (std::size_t i = 0; i < own_.size(); ++i) {
    classes[i] = static_cast<std::int8_t>(own_[i]);
  }
  return {row.expand({x.size(0), -1}).contiguous(), {}};
}

void MassiveAccumulator::observe_row(
    LayerStats& layer, const RowMagnitudes& row, const Tokens& tokens) {
  const std::int64_t sequence = layer.median.count;
  const auto place = [&](const Entry& entry) {
    const auto token = entry.index / d_model_;
    const auto token_class = static_cast<TokenClass>(
        tokens.classes.const_data_ptr<std::int8_t>()[token]);
    return Place{
        {entry.index % d_model_, token_class},
        tokens.ids.defined() ? tokens.ids.const_data_ptr<std::int64_t>()[token]
                             : -1,
        sequence};
  };
  layer.median.add(row.median);
  for (std::size_t i = 0; i < row.top.size(); ++i) {
    layer.top[i].add(std::abs(row.top[i].value));
  }
  for (std::size_t i = 0; i < row.at_shares.size(); ++i) {
    layer.at_shares[i].add(row.at_shares[i]);
  }
  layer.ratio.add(std::abs(row.top.front().value) / row.median);
  add(layer.largest, place(row.top.front()), row.top.front().value, row.median);
  for (const Entry& hit : row.hits) {
    const Place where = place(hit);
    add(layer.hits, where, hit.value, row.median);
    sequences_[where.key].insert(sequence);
  }
  layer.massive_sequences += row.hits.empty() ? 0 : 1;
}

} // namespace ma
