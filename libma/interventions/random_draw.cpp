// Floyd's sampling without repeats (Bentley and Floyd 1987) on the SplitMix64
// generator (Steele et al. 2014).
#include "libma/interventions/random_draw.h"

#include <limits>
#include <set>

namespace ma {
namespace {

class SplitMix64 {
 public:
  explicit SplitMix64(std::uint64_t state) : state_(state) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ULL);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
    return z ^ (z >> 31);
  }

  /// Uniform in [0, size).
  std::uint64_t below(std::uint64_t size) {
    constexpr auto max = std::numeric_limits<std::uint64_t>::max();
    const std::uint64_t limit = max - max % size;
    std::uint64_t number = next();
    while (number >= limit) {
      number = next();
    }
    return number % size;
  }

 private:
  std::uint64_t state_;
};

} // namespace

std::vector<std::int64_t> draw_without_repeats(
    std::int64_t size,
    std::int64_t count,
    std::uint64_t seed,
    std::uint64_t stream) {
  SplitMix64 random(SplitMix64(seed).next() + stream);
  std::set<std::int64_t> drawn;
  for (std::int64_t last = size - count; last < size; ++last) {
    const auto number = static_cast<std::int64_t>(
        random.below(static_cast<std::uint64_t>(last) + 1));
    drawn.insert(drawn.contains(number) ? last : number);
  }
  return {drawn.begin(), drawn.end()};
}

} // namespace ma
