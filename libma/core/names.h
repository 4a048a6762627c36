// Did-you-mean: names nearest to a misspelt one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ma {

/// The `count` names of `known` nearest to `name` by edit distance, nearest
/// first, ties in the order of `known`.
std::vector<std::string> nearest_names(
    std::string_view name,
    const std::vector<std::string>& known,
    std::size_t count = 3);

/// `parts` with `separator` between each two.
std::string join(
    const std::vector<std::string>& parts, std::string_view separator = ", ");

} // namespace ma
