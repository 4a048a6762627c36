// Arithmetic on untrusted shapes and offsets, shared by the readers: no
// overflow, no overlap.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ma {

/// Bytes of a file that belong to a tensor.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
  std::string name;
};

/// Number of elements of a tensor of `shape`, nothing when a dimension is
/// negative or when the tensor, or the strides of an empty one, would not fit
/// the address space at 16 bytes an element.
std::optional<std::int64_t> element_count(
    const std::vector<std::int64_t>& shape);

/// `[2, 3]`.
std::string shape_text(const std::vector<std::int64_t>& shape);

/// Sorts `ranges` by offset and returns the names of two that share a byte, if
/// any. Empty ranges share nothing. `offset + count` must not overflow.
std::optional<std::pair<std::string, std::string>> find_overlap(
    std::vector<ByteRange>& ranges);

} // namespace ma
