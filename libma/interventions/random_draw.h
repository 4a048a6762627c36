// Random draws that are the same on every platform and device.
#pragma once

#include <cstdint>
#include <vector>

namespace ma {

/// `count` different numbers of [0, size), ascending, each set equally likely;
/// a function of the arguments alone. Draws of different `stream`s of one
/// `seed` are independent.
std::vector<std::int64_t> draw_without_repeats(
    std::int64_t size,
    std::int64_t count,
    std::uint64_t seed,
    std::uint64_t stream);

} // namespace ma
