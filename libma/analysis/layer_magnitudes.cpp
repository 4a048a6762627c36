// One scan of each state serves all: MassiveAccumulator's.
#include "libma/analysis/layer_magnitudes.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/magnitudes.h"
#include "libma/hooks/real_tokens.h"

namespace ma {
namespace {

constexpr const char* kWhere = "magnitude accumulator";
constexpr double kMostFloat16 = 65504;

void add_row(
    StreamStats& stream,
    const RowMagnitudes& row,
    const MassiveCriterion& criterion) {
  for (std::size_t i = 0; i < row.top.size(); ++i) {
    const double size = std::abs(row.top[i].value);
    stream.top[i].add(size);
    stream.top_over_median[i].add(size / row.median);
  }
  if (row.top.size() > 1) {
    stream.top_1_over_2.add(
        std::abs(row.top[0].value) / std::abs(row.top[1].value));
  }
  stream.median.add(row.median);
  stream.top_1_percent.add(row.at_shares[0]);
  stream.top_10_percent.add(row.at_shares[1]);
  const double largest = std::abs(row.top.front().value);
  const bool is_massive =
      largest > criterion.magnitude && largest > criterion.ratio * row.median;
  stream.massive_sequences += is_massive ? 1 : 0;
}

/// Entries of the `tokens` of `x` [pos, d_model] that float16 does not hold.
/// Only a state whose largest entry is one is read again.
std::int64_t count_overflows(
    const torch::Tensor& x, const RealTokens& tokens, double largest) {
  if (std::abs(largest) <= kMostFloat16) {
    return 0;
  }
  std::int64_t count = 0;
  for (const ElementRange& run : tokens.runs) {
    const auto held =
        x.slice(/*dim=*/0, run.first, run.last).abs() <= kMostFloat16;
    count += held.logical_not().sum().item<std::int64_t>();
  }
  return count;
}

} // namespace

void ShapeStats::add(const EntryShape& shape) {
  kurtosis.add(shape.kurtosis);
  neuron_rms_kurtosis.add(shape.neuron_rms_kurtosis);
  token_max_over_median.add(shape.token_max_over_median);
  int8_error.add(shape.int8_error);
  int8_error_of_rest.add(shape.int8_error_of_rest);
  int8_error_apart.add(shape.int8_error_apart);
}

const StreamStats& Magnitudes::stream(std::int64_t layer) const {
  if (layer < -1 || layer >= n_layers()) {
    throw ConfigError(
        "magnitudes",
        c10::str(
            "there is no block ",
            layer,
            "; use 0 to ",
            n_layers() - 1,
            ", or -1 for the stream before block 0"));
  }
  return streams[static_cast<std::size_t>(layer + 1)];
}

MagnitudeAccumulator::MagnitudeAccumulator(
    std::int64_t n_layers,
    const MagnitudeOptions& options,
    torch::Tensor token_classes)
    : options_(options),
      token_classes_(std::move(token_classes)),
      massive_(n_layers, options.criterion, token_classes_),
      outliers_(n_layers, options.outliers),
      class_values_(n_layers + 1),
      streams_(static_cast<std::size_t>(n_layers + 1)) {
  for (std::int64_t layer = -1; layer < n_layers; ++layer) {
    streams_[static_cast<std::size_t>(layer + 1)].layer = layer;
  }
}

std::vector<RowMagnitudes> MagnitudeAccumulator::scan_before_blocks(
    const torch::Tensor& x, const TokenBatch& batch) const {
  if (x.dim() != 3 || !batch.ids.defined() ||
      x.sizes().slice(0, 2) != batch.ids.sizes()) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at ",
            x.sizes(),
            " before block 0; expected [batch, pos, d_model] that fits the "
            "ids"));
  }
  std::vector<std::vector<ElementRange>> rows;
  for (const RealTokens& tokens :
       real_tokens(&batch, x.size(0), x.size(1), kWhere)) {
    rows.push_back(tokens.elements(
        static_cast<std::int64_t>(rows.size()), x.size(1), x.size(2)));
  }
  return scan_rows(
      x.contiguous(), rows, MassiveAccumulator::query(options_.criterion));
}

void MagnitudeAccumulator::observe(
    std::int64_t layer, const torch::Tensor& x, const TokenBatch& batch) {
  const bool is_before = layer == -1;
  const auto rows = is_before ? scan_before_blocks(x, batch)
                              : massive_.observe(layer, x, batch);
  const auto tokens = real_tokens(&batch, x.size(0), x.size(1), kWhere);
  StreamStats& stream = streams_[static_cast<std::size_t>(layer + 1)];
  for (std::size_t i = 0; i < rows.size(); ++i) {
    add_row(stream, rows[i], options_.criterion);
    const auto state = x.select(/*dim=*/0, static_cast<std::int64_t>(i));
    stream.float16_overflows +=
        count_overflows(state, tokens[i], rows[i].top.front().value);
    if (options_.detail) {
      const double threshold = std::max(
          options_.criterion.magnitude,
          options_.criterion.ratio * rows[i].median);
      stream.shape.add(entry_shape(
          state.to(torch::kCPU).contiguous(), tokens[i], rows[i], threshold));
    }
  }
  if (!is_before) {
    outliers_.observe(layer, x, tokens);
  }
  class_values_.observe(layer + 1, x, first_columns(batch, token_classes_));
}

Magnitudes MagnitudeAccumulator::finish() const {
  Magnitudes found{
      .options = options_, .profile = massive_.finish(), .streams = streams_};
  if (streams_.front().median.count != found.profile.n_sequences) {
    throw ShapeError(
        kWhere,
        c10::str(
            "the stream before block 0 was seen of ",
            streams_.front().median.count,
            " sequences, that after block 0 of ",
            found.profile.n_sequences,
            "; show every stream the same"));
  }
  found.class_values = class_values_.finish();
  found.outlier_counts = outliers_.finish();
  return found;
}

} // namespace ma
