// [u64 header length][JSON header][data], little-endian as the machines that
// libma runs on.
#include "libma/io/safetensors_write.h"

#include <bit>
#include <cstdint>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/files.h"
#include "libma/io/safetensors_header.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kAlignment = 8; // of the data, with spaces before it

std::string encoding_of(const std::string& name, torch::ScalarType dtype) {
  for (const char* encoding :
       {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"}) {
    if (safetensors_dtype(encoding) == dtype) {
      return encoding;
    }
  }
  throw ShapeError(
      in_quotes(name),
      c10::str("safetensors are not written as ", dtype, "; use float32"));
}

} // namespace

void save_safetensors(
    const std::filesystem::path& path,
    const std::map<std::string, torch::Tensor>& tensors,
    const std::map<std::string, std::string>& metadata) {
  nlohmann::json header;
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  std::string data;
  for (const auto& [name, tensor] : tensors) {
    const auto values = tensor.to(torch::kCPU).contiguous();
    const auto begin = data.size();
    data.append(
        static_cast<const char*>(values.const_data_ptr()), values.nbytes());
    header[name] = {
        {"dtype", encoding_of(name, values.scalar_type())},
        {"shape", values.sizes().vec()},
        {"data_offsets", {begin, data.size()}}};
  }
  std::string text = header.is_null() ? "{}" : header.dump();
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string bytes(sizeof(std::uint64_t), '\0');
  const auto length = static_cast<std::uint64_t>(text.size());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
  }
  write_file_atomically(path, bytes + text + data);
}

} // namespace ma
