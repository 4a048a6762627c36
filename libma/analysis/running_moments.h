// Skewness, kurtosis and bimodality of a stream of numbers (one-pass moments:
// Pébay 2008).
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

namespace ma {

struct RunningMoments {
  std::int64_t count = 0;
  double mean = 0;
  double m2 = 0; ///< sum of squared deviations from the mean
  double m3 = 0; ///< of their third powers
  double m4 = 0; ///< of their fourth powers

  void add(double x) {
    ++count;
    const auto n = static_cast<double>(count);
    const double delta = x - mean;
    const double step = delta / n;
    const double term = delta * step * (n - 1);
    mean += step;
    m4 += term * step * step * (n * n - 3 * n + 3) + 6 * step * step * m2 -
          4 * step * m3;
    m3 += term * step * (n - 2) - 3 * step * m2;
    m2 += term;
  }

  /// Whether there are enough different numbers for what follows.
  bool has_shape() const { return count >= 4 && m2 > 0; }

  /// Sample skewness G1, corrected for bias; NaN for fewer than four numbers.
  double skewness() const {
    const auto n = static_cast<double>(count);
    return has_shape() ? std::sqrt(n * (n - 1)) / (n - 2) * std::sqrt(n) * m3 /
                             std::pow(m2, 1.5)
                       : std::numeric_limits<double>::quiet_NaN();
  }

  /// Sample excess kurtosis G2, corrected for bias; 0 for a normal
  /// distribution, NaN for fewer than four numbers.
  double excess_kurtosis() const {
    const auto n = static_cast<double>(count);
    return has_shape() ? (n - 1) / ((n - 2) * (n - 3)) *
                             ((n + 1) * (n * m4 / (m2 * m2) - 3) + 6)
                       : std::numeric_limits<double>::quiet_NaN();
  }

  /// Sarle's coefficient, (G1^2 + 1) / (G2 + 3 (n - 1)^2 / ((n - 2) (n - 3))):
  /// 1 for two points, 5/9 for a uniform distribution, 1/3 for a normal one.
  double bimodality() const {
    const auto n = static_cast<double>(count);
    const double g = skewness();
    return (g * g + 1) /
           (excess_kurtosis() + 3 * (n - 1) * (n - 1) / ((n - 2) * (n - 3)));
  }
};

} // namespace ma
