// Choosing dims by their mean magnitude.
#include "libma/analysis/constancy.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace ma {
namespace {

/// A rank and the dim that stands for it.
struct Choice {
  std::string activation;
  double wanted;
  std::int64_t dim;
};

/// Dims by descending magnitude, ties by dim.
std::vector<std::int64_t> ranked(const double* sizes, std::int64_t d_model) {
  std::vector<std::int64_t> dims(static_cast<std::size_t>(d_model));
  std::iota(dims.begin(), dims.end(), 0);
  std::stable_sort(
      dims.begin(), dims.end(), [sizes](std::int64_t a, std::int64_t b) {
        return sizes[a] > sizes[b];
      });
  return dims;
}

/// The dims of one class, whose mean magnitudes are `sizes` [d_model].
std::vector<Choice> choose(
    const StreamStats& stream, const double* sizes, std::int64_t d_model) {
  std::vector<Choice> choices;
  const auto dims = ranked(sizes, d_model);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, dims.size()); ++i) {
    choices.push_back({c10::str("top ", i + 1), sizes[dims[i]], dims[i]});
  }
  for (const auto& [name, wanted] :
       {std::pair("top 1 %", stream.top_1_percent.mean),
        std::pair("top 10 %", stream.top_10_percent.mean),
        std::pair("median", stream.median.mean)}) {
    const auto nearest = std::min_element(
        dims.begin(), dims.end(), [&](std::int64_t a, std::int64_t b) {
          return std::abs(sizes[a] - wanted) < std::abs(sizes[b] - wanted);
        });
    choices.push_back({name, wanted, *nearest});
  }
  return choices;
}

} // namespace

std::vector<PlaceConstancy> constancy(
    const Magnitudes& magnitudes, std::int64_t layer) {
  const StreamStats& stream = magnitudes.stream(layer);
  const ClassValues& values = magnitudes.class_values;
  const auto d_model = values.means.size(2);
  std::vector<PlaceConstancy> places;
  for (std::int64_t i = 0; i < kTextClasses; ++i) {
    const auto count = values.counts[static_cast<std::size_t>(i)];
    if (count == 0) {
      continue;
    }
    const auto offset = ((layer + 1) * kTextClasses + i) * d_model;
    const auto* sizes = values.magnitudes.const_data_ptr<double>() + offset;
    const auto* means = values.means.const_data_ptr<double>() + offset;
    const auto* stds = values.stds.const_data_ptr<double>() + offset;
    for (const Choice& choice : choose(stream, sizes, d_model)) {
      places.push_back(
          {.token_class = static_cast<TokenClass>(i),
           .activation = choice.activation,
           .wanted = choice.wanted,
           .dim = choice.dim,
           .magnitude = sizes[choice.dim],
           .mean = means[choice.dim],
           .std = stds[choice.dim],
           .count = count,
           .variation = stds[choice.dim] / std::abs(means[choice.dim])});
    }
  }
  return places;
}

} // namespace ma
