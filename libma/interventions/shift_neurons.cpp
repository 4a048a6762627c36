// shift_neurons: at chosen tokens a neuron := its largest activation over the
// row, at others 0 (Jiang et al. 2025, "test-time registers").
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"
#include "libma/interventions/intervention.h"

namespace ma {
namespace {

using Positions = std::vector<std::int64_t>;

/// What other tokens get instead of what they have, `x` [token, neuron].
using OthersFn = torch::Tensor (*)(const torch::Tensor& x);

torch::Tensor zero(const torch::Tensor& x) {
  return at::zeros_like(x);
}

torch::Tensor same(const torch::Tensor& x) {
  return x;
}

/// The mean of the three quarters of smallest magnitude.
torch::Tensor low_mean(const torch::Tensor& x) {
  const auto count = std::max<std::int64_t>(1, x.size(0) * 3 / 4);
  const auto low =
      x.abs()
          .argsort(/*stable=*/true, /*dim=*/0, /*descending=*/false)
          .narrow(/*dim=*/0, 0, count);
  return x.gather(/*dim=*/0, low)
      .mean(/*dim=*/0, /*keepdim=*/true)
      .expand_as(x);
}

/// The mean where the magnitude is more than a standard deviation above its
/// mean.
torch::Tensor mean_at_outliers(const torch::Tensor& x) {
  if (x.size(0) < 2) {
    return x; // no deviation
  }
  const auto size = x.abs();
  const auto bound = size.mean(/*dim=*/0, /*keepdim=*/true) +
                     size.std(/*dim=*/0, /*unbiased=*/true, /*keepdim=*/true);
  return at::where(size > bound, x.mean(/*dim=*/0, /*keepdim=*/true), x);
}

OthersFn find_others(const std::string& name) {
  static const std::vector<std::pair<std::string, OthersFn>> kinds = {
      {"zero", zero},
      {"mean", low_mean},
      {"only_outliers", mean_at_outliers},
      {"same", same}};
  std::vector<std::string> known;
  for (const auto& [kind, others] : kinds) {
    if (kind == name || (name.empty() && others == &zero)) {
      return others;
    }
    known.push_back(kind);
  }
  throw UnknownNameError("shift_neurons", "choice of 'others'", name, known);
}

bool contains(const Positions& positions, std::int64_t position) {
  return std::find(positions.begin(), positions.end(), position) !=
         positions.end();
}

void refuse_overlap(
    const Positions& to, const Positions& keep, const std::string& where) {
  for (const std::int64_t position : keep) {
    if (contains(to, position)) {
      throw ConfigError(
          where,
          c10::str(
              "position ",
              position,
              " is in both 'to' and 'keep'; leave it out of one"));
    }
  }
}

/// The tokens at `positions` of a row's sequence, as numbers among its tokens.
Positions numbers_of(
    const RealTokens& tokens, const Positions& positions, const HookSite& at) {
  Positions numbers;
  if (positions.empty()) {
    return numbers;
  }
  const auto found = tokens.only(positions, at.name);
  Positions columns;
  columns.reserve(static_cast<std::size_t>(found.count));
  for (std::int64_t i = 0; i < found.count; ++i) {
    columns.push_back(found.column(i));
  }
  for (std::int64_t number = 0; number < tokens.count; ++number) {
    if (contains(columns, tokens.column(number))) {
      numbers.push_back(number);
    }
  }
  return numbers;
}

/// One row, `x` [token, neuron].
torch::Tensor shift_row(
    const torch::Tensor& x,
    const Positions& to,
    const Positions& keep,
    OthersFn others) {
  const auto index = [&](const Positions& tokens) {
    return at::tensor(tokens, torch::kInt64).to(x.device());
  };
  Positions rest;
  for (std::int64_t token = 0; token < x.size(0); ++token) {
    if (!contains(to, token) && !contains(keep, token)) {
      rest.push_back(token);
    }
  }
  const auto largest = x.gather(
      /*dim=*/0, x.abs().argmax(/*dim=*/0, /*keepdim=*/true)); // [1, neuron]
  auto y = x.clone();
  if (!rest.empty()) {
    const auto at = index(rest);
    y.index_copy_(/*dim=*/0, at, others(x.index_select(/*dim=*/0, at)));
  }
  const auto n_to = static_cast<std::int64_t>(to.size());
  y.index_copy_(/*dim=*/0, index(to), largest.expand({n_to, x.size(1)}));
  return y;
}

/// All rows of `old`, the neurons at the real tokens of `x` [batch, pos,
/// d_mlp].
torch::Tensor shift_rows(
    const InterventionOptions& options,
    OthersFn others,
    const torch::Tensor& old,
    const torch::Tensor& x,
    const HookSite& at) {
  const auto rows = real_tokens(at.batch, x.size(0), x.size(1), at.name);
  std::int64_t n_tokens = 0;
  for (const RealTokens& tokens : rows) {
    n_tokens += tokens.count;
  }
  const auto neurons =
      old.to(torch::kFloat64).view({n_tokens, -1}); // [token, neuron]
  std::vector<torch::Tensor> shifted;
  shifted.reserve(rows.size());
  std::int64_t first = 0;
  for (const RealTokens& tokens : rows) {
    const auto to = numbers_of(tokens, options.to, at);
    const auto keep = numbers_of(tokens, options.keep, at);
    refuse_overlap(to, keep, at.name);
    shifted.push_back(shift_row(
        neurons.narrow(/*dim=*/0, first, tokens.count), to, keep, others));
    first += tokens.count;
  }
  return at::cat(shifted).flatten();
}

} // namespace

EditFn make_shift_neurons(const InterventionOptions& options) {
  allow_options(options, "shift_neurons", {"to", "keep", "others"});
  const Selection& select = options.select;
  if (select.kind != SelectionKind::kExplicit || !select.positions.empty() ||
      select.dims.empty()) {
    throw ConfigError(
        "shift_neurons",
        "neurons are shifted over whole rows; select explicit dims and no "
        "positions");
  }
  if (options.to.empty()) {
    throw ConfigError(
        "shift_neurons",
        "option 'to' is missing; give the positions that get the activations");
  }
  refuse_overlap(options.to, options.keep, "shift_neurons");
  InterventionOptions kept;
  kept.to = options.to;
  kept.keep = options.keep;
  return [kept, others = find_others(options.others)](
             const auto& old, const auto&, const auto& x, const auto& at) {
    return shift_rows(kept, others, old, x, at);
  };
}

} // namespace ma
