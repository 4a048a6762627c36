// Three passes over a state: power sums, quantisation errors, medians of
// tokens.
#include "libma/analysis/entry_shape.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <numeric>
#include <type_traits>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

namespace ma {
namespace {

constexpr std::int64_t kTurn =
    256; // tokens of one thread's turn; the sums of turns are added in order
constexpr double kMostQuantised = 127; // of a signed byte, symmetric

std::vector<std::int64_t> columns_of(const RealTokens& tokens) {
  std::vector<std::int64_t> columns;
  for (const ElementRange& run : tokens.runs) {
    for (std::int64_t column = run.first; column < run.last; ++column) {
      columns.push_back(column);
    }
  }
  return columns;
}

/// The real tokens of a state in memory.
template <class T>
struct State {
  const T* data;
  std::vector<std::int64_t> columns;
  std::int64_t d_model;

  std::int64_t n_tokens() const {
    return static_cast<std::int64_t>(columns.size());
  }
  const T* token(std::int64_t number) const {
    return data + columns[static_cast<std::size_t>(number)] * d_model;
  }

  /// Calls `body(first, last)` for turns of tokens.
  template <class Body>
  void for_each_turn(const Body& body) const {
    const auto turns = (n_tokens() + kTurn - 1) / kTurn;
    at::parallel_for(
        0, turns, /*grain_size=*/1, [&](std::int64_t begin, std::int64_t end) {
          for (std::int64_t turn = begin; turn < end; ++turn) {
            body(turn, turn * kTurn, std::min((turn + 1) * kTurn, n_tokens()));
          }
        });
  }

  /// Sums of `count` quantities by dim, [count, d_model]: `add(x, sums)` adds
  /// those of one token x [d_model].
  template <class Add>
  std::vector<double> sum_by_dim(std::int64_t count, const Add& add) const {
    const auto size = static_cast<std::size_t>(count * d_model);
    std::vector<std::vector<double>> parts(
        static_cast<std::size_t>((n_tokens() + kTurn - 1) / kTurn));
    for_each_turn([&](std::int64_t turn, std::int64_t i, std::int64_t last) {
      auto& sums = parts[static_cast<std::size_t>(turn)];
      sums.assign(size, 0);
      for (; i < last; ++i) {
        add(token(i), sums.data());
      }
    });
    std::vector<double> total(size, 0);
    for (const auto& part : parts) {
      std::transform(
          total.begin(),
          total.end(),
          part.begin(),
          total.begin(),
          std::plus<>());
    }
    return total;
  }
};

/// Quantity number `i` of `sums` [count, d_model], over all dims.
double total_of(
    const std::vector<double>& sums, std::int64_t i, std::int64_t d_model) {
  const auto first = sums.begin() + i * d_model;
  return std::accumulate(first, first + d_model, 0.0);
}

/// Sums of x, x^2, x^3, x^4 by dim.
template <class T>
std::vector<double> power_sums(const State<T>& state) {
  const auto d_model = state.d_model;
  return state.sum_by_dim(4, [d_model](const T* x, double* sums) {
    double* const first = sums;
    double* const second = first + d_model;
    double* const third = second + d_model;
    double* const fourth = third + d_model;
    for (std::int64_t dim = 0; dim < d_model; ++dim) {
      const auto value = static_cast<double>(x[dim]);
      const double square = value * value;
      first[dim] += value;
      second[dim] += square;
      third[dim] += square * value;
      fourth[dim] += square * square;
    }
  });
}

double kurtosis_of(
    const std::vector<double>& powers, double n, std::int64_t d_model) {
  const double mean = total_of(powers, 0, d_model) / n;
  const double second = total_of(powers, 1, d_model) / n;
  const double third = total_of(powers, 2, d_model) / n;
  const double fourth = total_of(powers, 3, d_model) / n;
  const double variance = second - mean * mean;
  const double moment = fourth - 4 * mean * third + 6 * mean * mean * second -
                        3 * mean * mean * mean * mean;
  return moment / (variance * variance);
}

double neuron_rms_kurtosis_of(
    const std::vector<double>& powers, std::int64_t d_model) {
  double sum = 0;
  double of_squares = 0;
  for (std::int64_t dim = 0; dim < d_model; ++dim) {
    const double square = powers[static_cast<std::size_t>(d_model + dim)];
    sum += square;
    of_squares += square * square;
  }
  return static_cast<double>(d_model) * of_squares / (sum * sum);
}

/// To the nearest integer, halves to even, for |x| < 2^51: without a call, so
/// that a loop of it is vectorised.
inline double round_even(double x) {
  constexpr double kMagic = 6755399441055744.0; // 1.5 * 2^52
  return (x + kMagic) - kMagic;
}

/// What remains of `x` when it is quantised in steps of `scale`.
inline double residue(double x, double scale) {
  return x - round_even(x / scale) * scale;
}

/// Squared errors by dim: of all entries and of the small ones with the scale
/// `shared`, of the small ones with the scale `apart`; squares of the small
/// ones.
template <class T>
std::vector<double> quantisation_sums(
    const State<T>& state, double shared, double apart, double threshold) {
  const auto d_model = state.d_model;
  return state.sum_by_dim(4, [=](const T* x, double* sums) {
    double* const all = sums;
    double* const rest = all + d_model;
    double* const alone = rest + d_model;
    double* const norm = alone + d_model;
    for (std::int64_t dim = 0; dim < d_model; ++dim) {
      const auto value = static_cast<double>(x[dim]);
      const double kept = std::abs(value) > threshold ? 0.0 : value;
      const double share = std::abs(value) > threshold ? 0.0 : 1.0;
      const double error = residue(value, shared);
      const double small_error = residue(kept, apart);
      all[dim] += error * error;
      rest[dim] += share * error * error;
      alone[dim] += small_error * small_error;
      norm[dim] += kept * kept;
    }
  });
}

/// The largest magnitude that is not above `threshold`; 0 when all are.
template <class T>
double largest_of_rest(
    const State<T>& state, const RowMagnitudes& found, double threshold) {
  for (const Entry& entry : found.top) {
    if (!(std::abs(entry.value) > threshold)) {
      return std::abs(entry.value);
    }
  }
  double largest = 0; // more entries are massive than `top` has
  for (std::int64_t i = 0; i < state.n_tokens(); ++i) {
    const T* x = state.token(i);
    for (std::int64_t dim = 0; dim < state.d_model; ++dim) {
      const double size = std::abs(static_cast<double>(x[dim]));
      largest = size > threshold ? largest : std::max(largest, size);
    }
  }
  return largest;
}

/// Mean over tokens of the largest magnitude by the lower median.
template <class T>
double token_max_over_median_of(const State<T>& state) {
  using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
  std::vector<double> ratios(state.columns.size());
  state.for_each_turn([&](std::int64_t, std::int64_t i, std::int64_t last) {
    std::vector<Real> sizes(static_cast<std::size_t>(state.d_model));
    const auto middle = sizes.begin() + (state.d_model - 1) / 2;
    for (; i < last; ++i) {
      const T* x = state.token(i);
      std::transform(x, x + state.d_model, sizes.begin(), [](T value) {
        return std::abs(static_cast<Real>(value));
      });
      const auto largest = *std::max_element(sizes.begin(), sizes.end());
      std::nth_element(sizes.begin(), middle, sizes.end());
      ratios[static_cast<std::size_t>(i)] =
          static_cast<double>(largest) / static_cast<double>(*middle);
    }
  });
  return std::accumulate(ratios.begin(), ratios.end(), 0.0) /
         static_cast<double>(ratios.size());
}

template <class T>
EntryShape shape_of(
    const State<T>& state, const RowMagnitudes& found, double threshold) {
  const auto d_model = state.d_model;
  EntryShape shape;
  const auto powers = power_sums(state);
  const auto n = static_cast<double>(state.n_tokens() * d_model);
  shape.kurtosis = kurtosis_of(powers, n, d_model);
  shape.neuron_rms_kurtosis = neuron_rms_kurtosis_of(powers, d_model);
  shape.token_max_over_median = token_max_over_median_of(state);
  const double shared = std::abs(found.top.front().value) / kMostQuantised;
  const double apart =
      largest_of_rest(state, found, threshold) / kMostQuantised;
  const auto errors = quantisation_sums(state, shared, apart, threshold);
  const double norm = total_of(powers, 1, d_model);
  const double rest = total_of(errors, 3, d_model);
  shape.int8_error = std::sqrt(total_of(errors, 0, d_model) / norm);
  shape.int8_error_of_rest = std::sqrt(total_of(errors, 1, d_model) / rest);
  shape.int8_error_apart = std::sqrt(total_of(errors, 2, d_model) / rest);
  return shape;
}

} // namespace

EntryShape entry_shape(
    const torch::Tensor& x,
    const RealTokens& tokens,
    const RowMagnitudes& found,
    double threshold) {
  return AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, x.scalar_type(), "entry_shape", [&] {
        return shape_of(
            State<scalar_t>{
                x.const_data_ptr<scalar_t>(), columns_of(tokens), x.size(1)},
            found,
            threshold);
      });
}

} // namespace ma
