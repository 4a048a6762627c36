// Sets of tokens for each sequence; their sums become statistics at the end.
#include "libma/analysis/implicit_bias.h"

#include <cmath>
#include <limits>

#include "libma/core/error.h"
#include "libma/interventions/random_draw.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

constexpr const char* kWhere = "implicit bias";
constexpr double kNoise =
    1e-6; // of cosines and dispersions, roots of differences of sums

/// Sequences that count: C is not empty and a query comes after it.
bool is_usable(const torch::Tensor& members) {
  return queries_after(members.unsqueeze(0)).any().item<bool>();
}

/// L2 norms over the last dim in float64; the activation stays in its dtype.
torch::Tensor norms_of(const torch::Tensor& x) {
  const auto dtype =
      x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  return at::linalg_vector_norm(x, /*ord=*/2, /*dim=*/{-1}, false, dtype)
      .to(torch::kCPU, torch::kFloat64);
}

void add_to(torch::Tensor& sum, const torch::Tensor& x) {
  sum = sum.defined() ? sum + x : x;
}

void add_finite(RunningStats& stats, double value) {
  if (std::isfinite(value)) {
    stats.add(value);
  }
}

double item(const torch::Tensor& x, std::int64_t i) {
  return x[i].item<double>();
}

double item(const torch::Tensor& x, std::int64_t i, std::int64_t j) {
  return x[i][j].item<double>();
}

/// The finite statistics of random sets (1 and on) in column `head` of `x`
/// [set, head]; the share of them that is at least as constant as C's, up to
/// float noise, NaN when there is nothing to compare.
double compare_with_null(
    RunningStats& null,
    const torch::Tensor& x,
    std::int64_t head,
    bool larger_is_constant) {
  std::int64_t hits = 0;
  const double own = item(x, 0, head);
  for (std::int64_t set = 1; set < x.size(0); ++set) {
    const double value = item(x, set, head);
    add_finite(null, value);
    const double lead = larger_is_constant ? value - own : own - value;
    hits += lead >= -kNoise ? 1 : 0; // false for NaN
  }
  return std::isfinite(own)
             ? static_cast<double>(hits) / static_cast<double>(null.count)
             : std::numeric_limits<double>::quiet_NaN();
}

bool fits(const AttentionState& state, std::int64_t n_pos) {
  const auto& [pattern, v, z] = state;
  return pattern.dim() == 4 && v.dim() == 4 && z.dim() == 4 &&
         pattern.size(2) == n_pos && pattern.size(3) == n_pos &&
         v.size(1) == n_pos && z.size(1) == n_pos &&
         pattern.size(0) == v.size(0) && pattern.size(0) == z.size(0) &&
         pattern.size(1) == z.size(2) && pattern.size(1) % v.size(2) == 0;
}

torch::Tensor checked(const torch::Tensor& members) {
  if (!members.defined() || members.dim() != 2 ||
      members.scalar_type() != torch::kBool) {
    throw ShapeError(
        kWhere,
        c10::str(
            "members are ",
            members.defined()
                ? c10::str(members.scalar_type(), " ", members.sizes())
                : std::string("undefined"),
            "; expected bool [n, length]"));
  }
  return members.to(torch::kCPU).contiguous();
}

} // namespace

ImplicitBiasAccumulator::ImplicitBiasAccumulator(
    std::int64_t n_layers,
    const torch::Tensor& members,
    const ImplicitBiasOptions& options)
    : members_(checked(members)),
      options_(options),
      layers_(static_cast<std::size_t>(n_layers)) {
  if (options.null_sets < 0) {
    throw ConfigError(
        kWhere,
        c10::str(
            "option 'null_sets' is ", options.null_sets, "; give 0 or more"));
  }
  for (std::int64_t i = 0; i < members_.size(0); ++i) {
    if (!is_usable(members_[i])) {
      continue;
    }
    const auto count = members_[i].sum().item<std::int64_t>();
    const auto n_others =
        members_.size(1) - count - (members_[i][-1].item<bool>() ? 0 : 1);
    if (options.null_sets > 0 && n_others < count) {
      throw ShapeError(
          kWhere,
          c10::str(
              "sequence ",
              i,
              " has ",
              count,
              " massive tokens and ",
              n_others,
              " others to draw random sets from; use longer sequences or "
              "null_sets 0"));
    }
    ++n_sequences_;
    n_members_ += count;
    n_queries_ +=
        queries_after(members_[i].unsqueeze(0)).sum().item<std::int64_t>();
  }
  if (n_sequences_ == 0) {
    throw ShapeError(
        kWhere,
        "no sequence has a massive token with a query behind it; lower the "
        "criterion or use more text");
  }
}

TokenSets ImplicitBiasAccumulator::sets_of(
    std::int64_t sequence, std::int64_t window) const {
  const auto own = members_[sequence]; // [pos]
  const auto n_pos = own.size(0);
  const auto tokens = own.nonzero().flatten();
  const auto others =
      own.narrow(/*dim=*/0, 0, n_pos - 1).logical_not().nonzero().flatten();
  std::vector<torch::Tensor> sets = {tokens};
  for (std::int64_t n = 0; n < options_.null_sets; ++n) {
    const auto stream =
        static_cast<std::uint64_t>(sequence * options_.null_sets + n);
    sets.push_back(others.index_select(
        0,
        at::tensor(draw_without_repeats(
            others.size(0), tokens.size(0), options_.seed, stream))));
  }
  const auto all = at::stack(sets); // [set, member]
  const auto masks =
      at::zeros({all.size(0), n_pos}, torch::kBool).scatter_(1, all, true);
  return {
      .tokens = all,
      .queries = queries_after(masks, /*batch=*/nullptr, window)
                     .logical_and(own.logical_not())};
}

void ImplicitBiasAccumulator::observe_sequence(
    std::int64_t layer, std::int64_t sequence, const AttentionState& one) {
  const auto index = static_cast<std::size_t>(layer);
  LayerSums& sums = layers_[index];
  const auto sets = sets_of(
      sequence, options_.windows.empty() ? 0 : options_.windows.at(index));
  const auto parts = sum_parts(one.pattern, one.v, sets);
  const auto cosine = parts.cosine();         // [set, head]
  const auto dispersion = parts.dispersion(); // [set, head]
  const auto n_heads = one.pattern.size(0);
  sums.cosine.resize(static_cast<std::size_t>(n_heads));
  sums.dispersion.resize(static_cast<std::size_t>(n_heads));
  for (std::int64_t head = 0; head < n_heads; ++head) {
    const auto i = static_cast<std::size_t>(head);
    add_finite(sums.cosine[i], item(cosine, 0, head));
    add_finite(sums.dispersion[i], item(dispersion, 0, head));
  }
  const auto mean = parts.mean()[0]; // [head, d_head]
  const auto length =
      at::linalg_vector_norm(mean, 2, /*dim=*/{1}, /*keepdim=*/true);
  const auto is_zero = length.eq(0);
  add_to(sums.sequence_units, (mean / length).masked_fill(is_zero, 0));
  add_to(
      sums.sequence_directed,
      is_zero.logical_not().squeeze(1).to(torch::kFloat64));
  sums.parts += parts;

  const auto queries = sets.queries[0].to(torch::kFloat64).unsqueeze(1);
  add_to(
      sums.z_squares, norms_of(one.z).square().mul(queries).sum(0)); // [head]
  const auto is_member = members_[sequence].to(torch::kFloat64).unsqueeze(1);
  const auto norms = norms_of(one.v); // [key_pos, kv_head]
  add_to(sums.member_norms, (norms * is_member).sum(0));
  add_to(sums.other_norms, (norms * (1 - is_member)).sum(0));
}

void ImplicitBiasAccumulator::observe(
    std::int64_t layer, const AttentionState& state) {
  const auto& [pattern, v, z] = state;
  const auto n_layers = static_cast<std::int64_t>(layers_.size());
  const auto n_pos = members_.size(1);
  if (layer < 0 || layer >= n_layers || !fits(state, n_pos)) {
    throw ShapeError(
        kWhere,
        c10::str(
            "cannot look at a pattern ",
            pattern.sizes(),
            ", values ",
            v.sizes(),
            " and z ",
            z.sizes(),
            " in block ",
            layer,
            " of ",
            n_layers,
            "; the sequences have ",
            n_pos,
            " tokens"));
  }
  LayerSums& sums = layers_[static_cast<std::size_t>(layer)];
  if (sums.n_seen + pattern.size(0) > members_.size(0)) {
    throw ShapeError(
        kWhere,
        c10::str(
            "block ",
            layer,
            " sees more than the ",
            members_.size(0),
            " sequences whose members are given"));
  }
  for (std::int64_t row = 0; row < pattern.size(0); ++row) {
    const auto sequence = sums.n_seen++;
    if (is_usable(members_[sequence])) {
      observe_sequence(layer, sequence, {pattern[row], v[row], z[row]});
    }
  }
}

LayerBias ImplicitBiasAccumulator::summarize(std::int64_t layer) const {
  const LayerSums& sums = layers_[static_cast<std::size_t>(layer)];
  const PartSums& parts = sums.parts;
  const auto cosine = parts.cosine();
  const auto dispersion = parts.dispersion();
  const auto variance = parts.variance()[0];
  const auto share = (parts.squares[0] / sums.z_squares).sqrt(); // [head]
  const auto probability = parts.probability[0] / parts.queries[0];
  const auto between =
      mean_pair_cosine(sums.sequence_units, sums.sequence_directed);
  const auto n_others = n_sequences_ * members_.size(1) - n_members_;
  const auto n_heads = parts.sum.size(1);
  const auto drain =
      ((sums.member_norms / n_members_) / (sums.other_norms / n_others))
          .repeat_interleave(n_heads / sums.member_norms.size(0)); // [head]
  LayerBias found{.layer = layer};
  for (std::int64_t h = 0; h < n_heads; ++h) {
    HeadBias head{
        .sequence_cosine = sums.cosine[static_cast<std::size_t>(h)],
        .sequence_dispersion = sums.dispersion[static_cast<std::size_t>(h)],
        .between_sequences = item(between, h),
        .cosine = item(cosine, 0, h),
        .dispersion = item(dispersion, 0, h),
        .variance = item(variance, h)};
    head.p_cosine = compare_with_null(
        head.null_cosine, cosine, h, /*larger_is_constant=*/true);
    head.p_dispersion = compare_with_null(
        head.null_dispersion, dispersion, h, /*larger_is_constant=*/false);
    head.share = item(share, h);
    head.probability = item(probability, h);
    head.drain = item(drain, h);
    found.heads.push_back(head);
  }
  found.dispersion =
      (variance.sum() / parts.mean()[0].square().sum()).sqrt().item<double>();
  found.share =
      (parts.squares[0].sum() / sums.z_squares.sum()).sqrt().item<double>();
  return found;
}

ImplicitBias ImplicitBiasAccumulator::finish() const {
  ImplicitBias found{
      .options = options_,
      .n_sequences = n_sequences_,
      .n_without = members_.size(0) - n_sequences_,
      .n_members = n_members_,
      .n_queries = n_queries_};
  std::vector<torch::Tensor> constants;
  std::vector<torch::Tensor> others;
  for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
    const LayerSums& sums = layers_[layer];
    if (sums.n_seen != members_.size(0)) {
      throw ShapeError(
          kWhere,
          c10::str(
              "block ",
              layer,
              " saw ",
              sums.n_seen,
              " sequences of ",
              members_.size(0)));
    }
    found.layers.push_back(summarize(static_cast<std::int64_t>(layer)));
    const PartSums& parts = sums.parts;
    constants.push_back(parts.mean()[0]); // [head, d_head]
    if (options_.null_sets > 0) {
      others.push_back(
          parts.sum.slice(0, 1).sum(0) / parts.queries.slice(0, 1).sum());
    }
  }
  found.constants = at::stack(constants);
  if (!others.empty()) {
    found.other_constants = at::stack(others);
  }
  return found;
}

} // namespace ma
