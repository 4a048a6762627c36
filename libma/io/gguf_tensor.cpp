// Dequantises in parallel: straight into a float32 tensor, through a small
// buffer per thread into any other dtype.
#include "libma/io/gguf_tensor.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include <ATen/Parallel.h>

#include "libma/core/error.h"
#include "libma/io/gguf_dequant.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr std::int64_t kGrainValues = 1 << 15;  // per task of the thread pool
constexpr std::int64_t kBufferValues = 1 << 14; // 64 KiB of float32 per thread

std::optional<torch::ScalarType> plain_dtype(std::string_view encoding) {
  static const std::array<std::pair<std::string_view, torch::ScalarType>, 8>
      table = {{
          {"F64", torch::kFloat64},
          {"F32", torch::kFloat32},
          {"F16", torch::kFloat16},
          {"BF16", torch::kBFloat16},
          {"I64", torch::kInt64},
          {"I32", torch::kInt32},
          {"I16", torch::kInt16},
          {"I8", torch::kInt8},
      }};
  for (const auto& [name, dtype] : table) {
    if (name == encoding) {
      return dtype;
    }
  }
  return std::nullopt;
}

/// Blocks [first, last) into `flat`, whose dtype is not float32.
void convert_blocks(
    const MappedTensor& from,
    const GgufEncoding& encoding,
    std::int64_t first,
    std::int64_t last,
    const torch::Tensor& flat) {
  const Dequantize dequantize = find_dequantizer(encoding.name);
  const std::uint8_t* data = from.file->bytes(from.offset, from.bytes).data();
  const std::int64_t step = kBufferValues / encoding.block_values;
  torch::Tensor buffer = torch::empty({kBufferValues}, torch::kFloat32);
  for (std::int64_t block = first; block < last; block += step) {
    const std::int64_t n_blocks = std::min(step, last - block);
    dequantize(
        data + block * encoding.block_bytes,
        n_blocks,
        buffer.data_ptr<float>());
    const torch::Tensor values =
        buffer.slice(/*dim=*/0, /*start=*/0, n_blocks * encoding.block_values);
    torch::Tensor place = flat.slice(
        /*dim=*/0,
        block * encoding.block_values,
        (block + n_blocks) * encoding.block_values);
    place.copy_(values);
    check_overflow(from, values, place);
  }
}

torch::Tensor load_quantised(
    const MappedTensor& from,
    const GgufEncoding& encoding,
    torch::ScalarType dtype) {
  check_conversion(from, torch::kFloat32, dtype);
  const Dequantize dequantize = find_dequantizer(encoding.name);
  const std::uint8_t* data = from.file->bytes(from.offset, from.bytes).data();
  torch::Tensor out = torch::empty(
      from.shape, torch::TensorOptions().dtype(dtype).device(torch::kCPU));
  torch::Tensor flat = out.view({-1});
  float* values = dtype == torch::kFloat32 ? flat.data_ptr<float>() : nullptr;
  const std::int64_t grain =
      std::max<std::int64_t>(kGrainValues / encoding.block_values, 1);
  for_each_piece(
      from,
      encoding.block_bytes,
      [&](std::int64_t piece_first, std::int64_t piece_last) {
        at::parallel_for(
            piece_first,
            piece_last,
            grain,
            [&](std::int64_t first, std::int64_t last) {
              const torch::NoGradGuard no_grad; // per thread
              if (values != nullptr) {
                dequantize(
                    data + first * encoding.block_bytes,
                    last - first,
                    values + first * encoding.block_values);
              } else {
                convert_blocks(from, encoding, first, last, flat);
              }
            });
      });
  return out;
}

} // namespace

torch::Tensor load_gguf_tensor(
    const MappedTensor& from,
    const GgufEncoding& encoding,
    torch::ScalarType dtype) {
  if (const auto plain = plain_dtype(encoding.name)) {
    return load_plain(from, *plain, dtype);
  }
  if (find_dequantizer(encoding.name) == nullptr) {
    throw FileError(
        from.file->path().string(),
        "tensor " + in_quotes(from.name) + " is encoded as " + encoding.name +
            ", " + why_not_dequantized(encoding.name));
  }
  return load_quantised(from, encoding, dtype);
}

} // namespace ma
