// Mean and variance of a stream of numbers (Welford 1962).
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace ma {

struct RunningStats {
  std::int64_t count = 0;
  double mean = 0;
  double squares = 0; ///< sum of squared deviations from the mean
  double min = std::numeric_limits<double>::infinity();
  double max = -std::numeric_limits<double>::infinity();

  void add(double x) {
    ++count;
    const double delta = x - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (x - mean);
    min = std::min(min, x);
    max = std::max(max, x);
  }

  /// Standard deviation with n - 1; 0 for fewer than two numbers.
  double std() const {
    return count < 2 ? 0 : std::sqrt(squares / static_cast<double>(count - 1));
  }
};

} // namespace ma
