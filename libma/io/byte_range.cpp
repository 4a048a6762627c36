// Overflow-checked products and a sweep over sorted ranges.
#include "libma/io/byte_range.h"

#include <algorithm>
#include <limits>

namespace ma {

std::optional<std::int64_t> element_count(
    const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() / 16;
  std::int64_t extent = 1; // with 1 for each 0: the largest stride
  bool empty = false;
  for (const std::int64_t size : shape) {
    if (size < 0 || size > kMost / extent) {
      return std::nullopt;
    }
    extent *= std::max<std::int64_t>(size, 1);
    empty = empty || size == 0;
  }
  return empty ? 0 : extent;
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

std::optional<std::pair<std::string, std::string>> find_overlap(
    std::vector<ByteRange>& ranges) {
  std::sort(
      ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) {
        return std::pair(a.offset, a.count) < std::pair(b.offset, b.count);
      });
  const ByteRange* last = nullptr;
  for (const ByteRange& range : ranges) {
    if (range.count == 0) {
      continue;
    }
    if (last != nullptr && range.offset < last->offset + last->count) {
      return std::pair(last->name, range.name);
    }
    last = &range;
  }
  return std::nullopt;
}

} // namespace ma
