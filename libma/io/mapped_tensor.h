// From bytes of a mapped file to a tensor of the caller's dtype, piece by
// piece: never a second whole copy.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/io/mapped_file.h"

namespace ma {

/// A tensor as it lies in a file.
struct MappedTensor {
  std::shared_ptr<const MappedFile> file;
  std::string name;                ///< for error messages
  std::vector<std::int64_t> shape; ///< row-major
  std::uint64_t offset = 0;        ///< from the start of the file
  std::uint64_t bytes = 0;
};

/// Throws ShapeError unless values of `source` can become `target` without
/// losing what kind of number they are: floats may be rounded, but do not
/// become integers, and integers do not become narrower or bool.
void check_conversion(
    const MappedTensor& from,
    torch::ScalarType source,
    torch::ScalarType target);

/// Throws ShapeError when a finite value of `source` became infinite in
/// `converted` (float16 ends at 65,504).
void check_overflow(
    const MappedTensor& from,
    const torch::Tensor& source,
    const torch::Tensor& converted);

/// The values of an array of `source` in the file as a tensor of `target`, in
/// memory of its own.
torch::Tensor load_plain(
    const MappedTensor& from,
    torch::ScalarType source,
    torch::ScalarType target);

/// The values of an array of `source` in the file as a tensor over the mapped
/// bytes, which it keeps alive; a copy where they are not aligned.
torch::Tensor view_plain(const MappedTensor& from, torch::ScalarType source);

/// Splits a file range of `count` units of `unit_bytes` each into pieces of
/// some MB, calls `convert(first, last)` on each and gives the pages of each
/// piece back when it is done.
void for_each_piece(
    const MappedTensor& from,
    std::int64_t unit_bytes,
    const std::function<void(std::int64_t, std::int64_t)>& convert);

} // namespace ma
