// [u64 header length][JSON header][data]; the header maps names to {dtype,
// shape, data_offsets}.
#include "libma/io/safetensors_header.h"

#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/byte_range.h"
#include "libma/io/byte_reader.h"
#include "libma/io/strict_json.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr std::uint64_t kLongestHeader =
    100'000'000; // as in the reference implementation
constexpr std::size_t kMostDimensions = 64; // torch's own limit
constexpr int kHeaderDepth = 4; // header, tensor, shape; one to spare

struct Encoding {
  std::string_view name;
  std::uint64_t bits; ///< of one value
  std::optional<torch::ScalarType> dtype;
};

/// Every type of the format; those without a dtype here can be listed but not
/// loaded.
constexpr std::array<Encoding, 22> kEncodings = {{
    {"F64", 64, torch::kFloat64},
    {"F32", 32, torch::kFloat32},
    {"F16", 16, torch::kFloat16},
    {"BF16", 16, torch::kBFloat16},
    {"I64", 64, torch::kInt64},
    {"I32", 32, torch::kInt32},
    {"I16", 16, torch::kInt16},
    {"I8", 8, torch::kInt8},
    {"U64", 64, torch::kUInt64},
    {"U32", 32, torch::kUInt32},
    {"U16", 16, torch::kUInt16},
    {"U8", 8, torch::kUInt8},
    {"BOOL", 8, torch::kBool},
    {"F8_E4M3", 8, torch::kFloat8_e4m3fn},
    {"F8_E5M2", 8, torch::kFloat8_e5m2},
    {"F8_E4M3FNUZ", 8, torch::kFloat8_e4m3fnuz},
    {"F8_E5M2FNUZ", 8, torch::kFloat8_e5m2fnuz},
    {"F8_E8M0", 8, std::nullopt},
    {"C64", 64, std::nullopt},
    {"F6_E2M3", 6, std::nullopt},
    {"F6_E3M2", 6, std::nullopt},
    {"F4", 4, std::nullopt},
}};

const Encoding* find_encoding(std::string_view name) {
  for (const Encoding& encoding : kEncodings) {
    if (encoding.name == name) {
      return &encoding;
    }
  }
  return nullptr;
}

/// Reads the description of one tensor: {"dtype": "F32", "shape": [2, 3],
/// "data_offsets": [0, 24]}.
class TensorParser {
 public:
  TensorParser(
      const std::string& where,
      const std::string& name,
      const nlohmann::json& value)
      : where_(where), shown_(in_quotes(name)), value_(value) {
    if (!value_.is_object() || value_.size() != 3) {
      fail("expected an object with dtype, shape and data_offsets");
    }
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw FileError(where_, "tensor " + shown_ + ": " + problem);
  }

  /// First byte and last byte + 1 in the data, which has `data_size` bytes.
  std::pair<std::uint64_t, std::uint64_t> offsets(
      std::uint64_t data_size) const {
    const nlohmann::json& offsets = member("data_offsets");
    if (!offsets.is_array() || offsets.size() != 2 ||
        !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned() ||
        offsets[0] > offsets[1]) {
      fail(
          "data_offsets must be two non-negative integers, the second not "
          "smaller than the first");
    }
    const auto end = offsets[1].get<std::uint64_t>();
    if (end > data_size) {
      fail(
          "truncated: it ends at data byte " + std::to_string(end) +
          ", but the file has " + std::to_string(data_size));
    }
    return {offsets[0].get<std::uint64_t>(), end};
  }

  /// Type and shape, which must need just `bytes` bytes.
  TensorInfo info(std::uint64_t bytes) const {
    const nlohmann::json& dtype = member("dtype");
    if (!dtype.is_string()) {
      fail("dtype must be a string");
    }
    const TensorInfo info{dtype.get<std::string>(), shape(), bytes};
    const std::optional<std::int64_t> count = element_count(info.shape);
    if (!count) {
      fail("its shape " + shape_text(info.shape) + " is too large to be true");
    }
    if (const Encoding* encoding = find_encoding(info.encoding)) {
      const std::uint64_t bits =
          static_cast<std::uint64_t>(*count) * encoding->bits;
      if (bits != bytes * 8) {
        fail(
            info.encoding + " " + shape_text(info.shape) + " needs " +
            std::to_string((bits + 7) / 8) + " bytes, but its offsets span " +
            std::to_string(bytes));
      }
    }
    return info;
  }

 private:
  const nlohmann::json& member(const char* key) const {
    const auto found = value_.find(key);
    if (found == value_.end()) {
      fail(std::string("has no ") + key);
    }
    return *found;
  }

  std::vector<std::int64_t> shape() const {
    const nlohmann::json& sizes = member("shape");
    if (!sizes.is_array() || sizes.size() > kMostDimensions) {
      fail(
          "shape must be an array of at most " +
          std::to_string(kMostDimensions) + " sizes");
    }
    std::vector<std::int64_t> shape;
    for (const nlohmann::json& size : sizes) {
      if (!size.is_number_unsigned() || size.get<std::uint64_t>() >> 63 != 0) {
        fail("shape must consist of non-negative 64-bit integers");
      }
      shape.push_back(size.get<std::int64_t>());
    }
    return shape;
  }

  const std::string& where_;
  std::string shown_;
  const nlohmann::json& value_;
};

std::map<std::string, std::string> parse_metadata(
    const std::string& where, const nlohmann::json& entries) {
  if (!entries.is_object()) {
    throw FileError(where, "__metadata__ must be an object of strings");
  }
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : entries.items()) {
    if (!value.is_string()) {
      throw FileError(
          where,
          "__metadata__ " + in_quotes(key) + ": expected a string, got " +
              value.type_name());
    }
    metadata.emplace(key, value.get<std::string>());
  }
  return metadata;
}

/// The data must be covered exactly: no byte twice, none left over.
void check_coverage(
    const std::string& where,
    std::vector<ByteRange> ranges,
    std::uint64_t data_size) {
  if (const auto overlap = find_overlap(ranges)) {
    throw FileError(
        where,
        "tensors " + in_quotes(overlap->first) + " and " +
            in_quotes(overlap->second) + " share bytes of the file");
  }
  std::uint64_t covered = 0;
  for (const ByteRange& range : ranges) {
    if (range.offset > covered) {
      throw FileError(
          where,
          "data bytes " + std::to_string(covered) + " to " +
              std::to_string(range.offset) +
              " belong to no tensor: there is a hole before " +
              in_quotes(range.name));
    }
    covered += range.count;
  }
  if (covered != data_size) {
    throw FileError(
        where,
        "the tensors end at data byte " + std::to_string(covered) +
            ", but the file has " + std::to_string(data_size));
  }
}

} // namespace

SafetensorsHeader read_safetensors_header(const MappedFile& file) {
  const std::string where = file.path().string();
  ByteReader reader(file.bytes(), where);
  const auto length = reader.read<std::uint64_t>("the header's length");
  if (length > kLongestHeader) {
    reader.fail(
        "is not a safetensors file: its header would have " +
        std::to_string(length) + " bytes; at most " +
        std::to_string(kLongestHeader) + " are allowed");
  }
  const auto text = reader.take(length, "the header");
  const nlohmann::json json = parse_json(
      {reinterpret_cast<const char*>(text.data()), text.size()},
      where,
      kHeaderDepth);
  if (!json.is_object()) {
    reader.fail(
        "the header must be a JSON object, got " +
        std::string(json.type_name()));
  }
  const std::uint64_t data_begin = reader.position();
  const std::uint64_t data_size = reader.remaining();
  SafetensorsHeader header;
  std::vector<ByteRange> ranges;
  for (const auto& [name, value] : json.items()) {
    if (name == "__metadata__") {
      header.metadata = parse_metadata(where, value);
      continue;
    }
    const TensorParser parser(where, name, value);
    const auto [begin, end] = parser.offsets(data_size);
    header.tensors.emplace(name, parser.info(end - begin));
    header.offsets.emplace(name, data_begin + begin);
    ranges.push_back({begin, end - begin, name});
  }
  check_coverage(where, std::move(ranges), data_size);
  return header;
}

std::optional<torch::ScalarType> safetensors_dtype(
    const std::string& encoding) {
  const Encoding* found = find_encoding(encoding);
  return found == nullptr ? std::nullopt : found->dtype;
}

} // namespace ma
