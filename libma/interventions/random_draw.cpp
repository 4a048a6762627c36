// SplitMix64, and Floyd's sampling without repeats (Bentley and Floyd 1987) on
// it.
#include "libma/interventions/random_draw.h"

#include <limits>
#include <set>

namespace ma {
namespace {

std::uint64_t advance(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

} // namespace

RandomStream::RandomStream(std::uint64_t seed, std::uint64_t stream)
    : state_(advance(seed) + stream) {}

std::uint64_t RandomStream::next() {
  return advance(state_);
}

std::uint64_t RandomStream::below(std::uint64_t size) {
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t limit = kMax - kMax % size;
  std::uint64_t number = next();
  while (number >= limit) {
    number = next();
  }
  return number % size;
}

double RandomStream::uniform() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

std::vector<std::int64_t> draw_without_repeats(
    std::int64_t size,
    std::int64_t count,
    std::uint64_t seed,
    std::uint64_t stream) {
  RandomStream random(seed, stream);
  std::set<std::int64_t> drawn;
  for (std::int64_t last = size - count; last < size; ++last) {
    const auto number = static_cast<std::int64_t>(
        random.below(static_cast<std::uint64_t>(last) + 1));
    drawn.insert(drawn.contains(number) ? last : number);
  }
  return {drawn.begin(), drawn.end()};
}

} // namespace ma
