// Edit distance (Levenshtein, two rows) and the ranking of names by it.
#include "libma/core/names.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ma {
namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

} // namespace

std::vector<std::string> nearest_names(
    std::string_view name,
    const std::vector<std::string>& known,
    std::size_t count) {
  std::vector<std::pair<std::size_t, std::size_t>> ranked;
  ranked.reserve(known.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    ranked.emplace_back(edit_distance(name, known[i]), i);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) {
    nearest.push_back(known[ranked[i].second]);
  }
  return nearest;
}

std::string join(
    const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) {
      joined += separator;
    }
    joined += parts[i];
  }
  return joined;
}

} // namespace ma
