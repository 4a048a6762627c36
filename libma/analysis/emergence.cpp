// Differences of a curve.
#include "libma/analysis/emergence.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>

namespace ma {
namespace {

constexpr double kHalf = 0.5;
constexpr double kRapidShare = 0.8; // libma's (the paper names no number)

/// The place of the largest magnitude; nothing when a value is not finite, or
/// all are 0.
std::optional<std::size_t> find_peak(const std::vector<double>& curve) {
  double largest = 0;
  std::optional<std::size_t> peak;
  for (std::size_t i = 0; i < curve.size(); ++i) {
    if (!std::isfinite(curve[i])) {
      return {};
    }
    if (std::abs(curve[i]) > largest) {
      largest = std::abs(curve[i]);
      peak = i;
    }
  }
  return peak;
}

/// The lower median of the values that are at least `bound`.
double median_above(const std::vector<double>& values, double bound) {
  std::vector<double> high;
  std::copy_if(
      values.begin(),
      values.end(),
      std::back_inserter(high),
      [bound](double value) { return value >= bound; });
  std::sort(high.begin(), high.end());
  return high[(high.size() - 1) / 2];
}

/// The fewest indices whose rises make `goal`, largest rise first; those up to
/// `last` count. Entry 0 rises from 0.
std::vector<std::int64_t> largest_rises(
    const std::vector<double>& rises, std::size_t last, double goal) {
  std::vector<std::int64_t> order(last + 1);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(
      order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
        return rises[static_cast<std::size_t>(a)] >
               rises[static_cast<std::size_t>(b)];
      });
  double sum = 0;
  std::size_t count = 0;
  while (count < order.size() && sum < goal) {
    sum += rises[static_cast<std::size_t>(order[count++])];
  }
  order.resize(count);
  return order;
}

} // namespace

std::string_view emergence_kind_name(EmergenceKind kind) {
  switch (kind) {
    case EmergenceKind::kRapid:
      return "rapid";
    case EmergenceKind::kSeveral:
      return "several";
    case EmergenceKind::kGradual:
      return "gradual";
  }
  return "";
}

std::optional<Emergence> find_emergence(const std::vector<double>& curve) {
  const auto found_peak = find_peak(curve);
  if (!found_peak) {
    return {};
  }
  const std::size_t peak = *found_peak;
  const double sign = curve[peak] < 0 ? -1 : 1;
  std::vector<double> values(curve.size());
  std::transform(
      curve.begin(), curve.end(), values.begin(), [sign](double value) {
        return sign * value;
      });
  const double bound = kHalf * values[peak];
  const double plateau = median_above(values, bound);
  std::size_t first = peak;
  while (first > 0 && values[first - 1] >= bound) {
    --first;
  }
  std::size_t last = peak;
  while (last + 1 < values.size() && values[last + 1] >= bound) {
    ++last;
  }
  std::vector<double> rises(values.size());
  std::adjacent_difference(values.begin(), values.end(), rises.begin());
  Emergence found{
      .plateau = sign * plateau,
      .first_layer = static_cast<std::int64_t>(first) - 1,
      .last_layer = static_cast<std::int64_t>(last) - 1,
      .writers = largest_rises(rises, last, kRapidShare * plateau)};
  found.writer_share =
      rises[static_cast<std::size_t>(found.writers.front())] / plateau;
  for (std::int64_t& writer : found.writers) {
    --writer; // curve[0] is before block 0
  }
  found.kind = found.writers.size() == 1   ? EmergenceKind::kRapid
               : found.writers.size() == 2 ? EmergenceKind::kSeveral
                                           : EmergenceKind::kGradual;
  if (last + 1 < values.size()) {
    const auto fall = std::min_element(
        rises.begin() + static_cast<std::ptrdiff_t>(peak) + 1, rises.end());
    found.eraser = fall - rises.begin() - 1;
    found.eraser_share = -*fall / plateau;
  }
  return found;
}

} // namespace ma
