// Random draws that are the same on every platform and device.
#pragma once

#include <cstdint>
#include <vector>

namespace ma {

/// SplitMix64 (Steele et al. 2014). Different `stream`s of one `seed` are
/// independent.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::uint64_t stream);

  /// 64 random bits.
  std::uint64_t next();

  /// Uniform in [0, size).
  std::uint64_t below(std::uint64_t size);

  /// Uniform in [0, 1), a multiple of 2^-53.
  double uniform();

 private:
  std::uint64_t state_;
};

/// `count` different numbers of [0, size), ascending, each set equally likely;
/// a function of the arguments alone. Draws of different `stream`s of one
/// `seed` are independent.
std::vector<std::int64_t> draw_without_repeats(
    std::int64_t size,
    std::int64_t count,
    std::uint64_t seed,
    std::uint64_t stream);

} // namespace ma
