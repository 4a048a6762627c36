// Conversion of plain arrays, with the bytes of the file released as they are
// used.
#include "libma/io/mapped_tensor.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "libma/core/error.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{16} << 20;

bool keeps_kind(torch::ScalarType source, torch::ScalarType target) {
  if (source == target) {
    return true;
  }
  const bool float_target =
      target == torch::kFloat64 || target == torch::kFloat32 ||
      target == torch::kFloat16 || target == torch::kBFloat16;
  if (float_target) {
    return !c10::isComplexType(source);
  }
  return c10::isIntegralType(source, /*includeBool=*/true) &&
         c10::isIntegralType(target, /*includeBool=*/false) &&
         c10::elementSize(target) >= c10::elementSize(source);
}

/// A tensor over `count` elements at `data`, which `owner` keeps alive; a copy
/// where the address is not aligned.
torch::Tensor over_bytes(
    const std::uint8_t* data,
    std::int64_t count,
    torch::ScalarType dtype,
    std::shared_ptr<const MappedFile> owner) {
  const std::size_t size = c10::elementSize(dtype);
  const auto options = torch::TensorOptions().dtype(dtype).device(torch::kCPU);
  if (reinterpret_cast<std::uintptr_t>(data) % size != 0) {
    torch::Tensor copy = torch::empty({count}, options);
    if (count == 0) {
      return copy; // its data is null, which memcpy does not take
    }
    std::memcpy(copy.data_ptr(), data, static_cast<std::size_t>(count) * size);
    return copy;
  }
  const auto release = [owner = std::move(owner)](void*) {};
  return torch::from_blob(
      const_cast<std::uint8_t*>(data), {count}, release, options);
}

void check_bools(
    const MappedTensor& from, std::span<const std::uint8_t> bytes) {
  const auto wrong = std::find_if(
      bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte > 1; });
  if (wrong != bytes.end()) {
    throw FileError(
        from.file->path().string(),
        "tensor " + in_quotes(from.name) + ": a bool must be 0 or 1, got " +
            std::to_string(*wrong));
  }
}

} // namespace

void check_conversion(
    const MappedTensor& from,
    torch::ScalarType source,
    torch::ScalarType target) {
  if (!keeps_kind(source, target)) {
    throw ShapeError(
        from.file->path().string(),
        "tensor " + in_quotes(from.name) + " holds " + c10::toString(source) +
            " and cannot become " + c10::toString(target) + "; ask for " +
            (c10::isFloatingType(source)
                 ? "a floating-point dtype"
                 : "its own dtype, a wider one or a floating-point one"));
  }
}

void check_overflow(
    const MappedTensor& from,
    const torch::Tensor& source,
    const torch::Tensor& converted) {
  if (converted.scalar_type() != torch::kFloat16 ||
      source.scalar_type() == torch::kFloat16) {
    return;
  }
  const torch::Tensor infinite = converted.isinf();
  if (infinite.any().item<bool>() &&
      infinite.logical_and(source.isfinite()).any().item<bool>()) {
    throw ShapeError(
        from.file->path().string(),
        "tensor " + in_quotes(from.name) +
            " holds values beyond float16's largest, 65504; ask for bfloat16 "
            "or float32");
  }
}

void for_each_piece(
    const MappedTensor& from,
    std::int64_t unit_bytes,
    const std::function<void(std::int64_t, std::int64_t)>& convert) {
  const std::int64_t count = static_cast<std::int64_t>(from.bytes) / unit_bytes;
  const std::int64_t step = std::max<std::int64_t>(kPieceBytes / unit_bytes, 1);
  for (std::int64_t first = 0; first < count; first += step) {
    const std::int64_t last = std::min(first + step, count);
    convert(first, last);
    from.file->release(
        from.offset + static_cast<std::uint64_t>(first * unit_bytes),
        static_cast<std::uint64_t>((last - first) * unit_bytes));
  }
}

torch::Tensor view_plain(const MappedTensor& from, torch::ScalarType source) {
  const std::span<const std::uint8_t> bytes =
      from.file->bytes(from.offset, from.bytes);
  if (source == torch::kBool) {
    check_bools(from, bytes);
  }
  const auto count =
      static_cast<std::int64_t>(bytes.size() / c10::elementSize(source));
  return over_bytes(bytes.data(), count, source, from.file).view(from.shape);
}

torch::Tensor load_plain(
    const MappedTensor& from,
    torch::ScalarType source,
    torch::ScalarType target) {
  check_conversion(from, source, target);
  const std::span<const std::uint8_t> bytes =
      from.file->bytes(from.offset, from.bytes);
  if (source == torch::kBool) {
    check_bools(from, bytes);
  }
  const torch::NoGradGuard no_grad;
  torch::Tensor out = torch::empty(
      from.shape, torch::TensorOptions().dtype(target).device(torch::kCPU));
  torch::Tensor flat = out.view({-1});
  const auto size = static_cast<std::int64_t>(c10::elementSize(source));
  for_each_piece(from, size, [&](std::int64_t first, std::int64_t last) {
    const torch::Tensor piece = over_bytes(
        bytes.data() + first * size, last - first, source, from.file);
    torch::Tensor place = flat.slice(/*dim=*/0, first, last);
    place.copy_(piece);
    check_overflow(from, piece, place);
  });
  return out;
}

} // namespace ma
