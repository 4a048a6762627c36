// Magic, version, counts, key-value pairs, tensor descriptions; then padding
// and the tensors' bytes.
#include "libma/io/gguf_header.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "libma/io/byte_range.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr std::uint32_t kMagic = 0x46554747; // "GGUF"
constexpr std::uint64_t kDefaultAlignment = 32;
constexpr std::uint32_t kMostDimensions = 8; // ggml itself has 4
// The fewest bytes that a key-value pair and a tensor description can take.
constexpr std::uint64_t kSmallestPair = 8 + 1 + 4 + 1;
constexpr std::uint64_t kSmallestDescription = 8 + 1 + 4 + 4 + 8;

std::uint32_t read_version(ByteReader& reader) {
  if (reader.remaining() < 4 ||
      reader.read<std::uint32_t>("the magic") != kMagic) {
    reader.fail("is not a GGUF file: it does not start with 'GGUF'");
  }
  const auto version = reader.read<std::uint32_t>("the version");
  if ((version & 0xFFFF) == 0) {
    reader.fail(
        "is a big-endian GGUF file; libma reads little-endian ones: convert it "
        "with gguf-convert-endian");
  }
  if (version != 2 && version != 3) {
    reader.fail(
        "is GGUF version " + std::to_string(version) +
        "; libma reads versions 2 and 3");
  }
  return version;
}

std::uint64_t read_count(
    ByteReader& reader, const std::string& what, std::uint64_t smallest) {
  const auto count = reader.read<std::uint64_t>("the number of " + what);
  if (count > reader.remaining() / smallest) {
    reader.fail(
        "says it has " + std::to_string(count) + " " + what + ", but only " +
        std::to_string(reader.remaining()) + " bytes are left in the file");
  }
  return count;
}

std::string read_name(ByteReader& reader, const std::string& what) {
  const std::string_view name = reader.read_string(what);
  if (name.empty() || first_invalid_utf8(name)) {
    reader.fail(
        what + " is " +
        (name.empty() ? "empty" : "not UTF-8: " + in_quotes(name)));
  }
  return std::string(name);
}

void read_pair(ByteReader& reader, GgufHeader& header) {
  const std::string key = read_name(reader, "a metadata key");
  const std::string shown = in_quotes(key);
  if (header.scalars.contains(key) || header.arrays.count(key) > 0) {
    reader.fail("metadata " + shown + " occurs twice");
  }
  const GgufValueType type = read_gguf_type(reader, shown);
  if (type == GgufValueType::kArray) {
    header.arrays.emplace(key, skip_gguf_array(reader, shown));
  } else {
    header.scalars[key] = read_gguf_scalar(reader, type, shown);
    if (key == "general.alignment" && type != GgufValueType::kUint32) {
      reader.fail(
          "metadata 'general.alignment': expected uint32, got " +
          gguf_type_name(type));
    }
  }
}

std::uint64_t alignment_of(const GgufHeader& header, const ByteReader& reader) {
  const auto found = header.scalars.find("general.alignment");
  const std::uint64_t alignment = found == header.scalars.end()
                                      ? kDefaultAlignment
                                      : found->get<std::uint64_t>();
  if (!std::has_single_bit(alignment)) {
    reader.fail(
        "metadata 'general.alignment': expected a power of two, got " +
        std::to_string(alignment));
  }
  return alignment;
}

/// Dimensions outermost first.
std::vector<std::int64_t> read_shape(
    ByteReader& reader, const std::string& shown) {
  const auto n_dims =
      reader.read<std::uint32_t>("the number of dimensions of " + shown);
  if (n_dims > kMostDimensions) {
    reader.fail(
        "tensor " + shown + " has " + std::to_string(n_dims) +
        " dimensions; at most " + std::to_string(kMostDimensions) +
        " are possible");
  }
  std::vector<std::int64_t> shape;
  for (std::uint32_t i = 0; i < n_dims; ++i) {
    const auto size = reader.read<std::uint64_t>("the shape of " + shown);
    if (size >
        static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      reader.fail(
          "tensor " + shown + " has a dimension of " + std::to_string(size));
    }
    shape.push_back(static_cast<std::int64_t>(size));
  }
  std::reverse(shape.begin(), shape.end());
  return shape;
}

std::uint64_t size_in_file(
    const TensorInfo& info,
    const GgufEncoding& encoding,
    ByteReader& reader,
    const std::string& shown) {
  const std::optional<std::int64_t> values = element_count(info.shape);
  if (!values) {
    reader.fail(
        "tensor " + shown + ": its shape " + shape_text(info.shape) +
        " is too large to be true");
  }
  const std::int64_t row = info.shape.empty() ? 1 : info.shape.back();
  if (row % encoding.block_values != 0) {
    reader.fail(
        "tensor " + shown + ": its rows of " + std::to_string(row) +
        " values cannot be cut into " + encoding.name + " blocks of " +
        std::to_string(encoding.block_values));
  }
  return static_cast<std::uint64_t>(*values / encoding.block_values) *
         static_cast<std::uint64_t>(encoding.block_bytes);
}

void read_description(ByteReader& reader, GgufHeader& header) {
  const std::string name = read_name(reader, "a tensor's name");
  const std::string shown = in_quotes(name);
  TensorInfo info;
  info.shape = read_shape(reader, shown);
  const auto id = reader.read<std::uint32_t>("the type of " + shown);
  const GgufEncoding* encoding = find_gguf_encoding(id);
  if (encoding == nullptr) {
    reader.fail(
        "tensor " + shown + " has type " + std::to_string(id) +
        ", which ggml does not have or libma does not know");
  }
  info.encoding = encoding->name;
  info.bytes = size_in_file(info, *encoding, reader, shown);
  const auto offset = reader.read<std::uint64_t>("the offset of " + shown);
  if (!header.tensors.emplace(name, std::move(info)).second) {
    reader.fail("tensor " + shown + " occurs twice");
  }
  header.places.emplace(name, GgufTensor{encoding, offset});
}

/// Turns offsets relative to the tensors' bytes into offsets in the file and
/// checks them.
void place_tensors(
    GgufHeader& header, const ByteReader& reader, std::uint64_t file_size) {
  const std::uint64_t alignment = alignment_of(header, reader);
  const std::uint64_t begin =
      (reader.position() + alignment - 1) / alignment * alignment;
  std::vector<ByteRange> ranges;
  for (auto& [name, place] : header.places) {
    const std::uint64_t bytes = header.tensors.at(name).bytes;
    if (place.offset % alignment != 0) {
      reader.fail(
          "tensor " + in_quotes(name) + " starts at byte " +
          std::to_string(place.offset) +
          " of the data, which is not a multiple of the alignment " +
          std::to_string(alignment));
    }
    const std::uint64_t data_size = file_size - std::min(begin, file_size);
    if (place.offset > data_size || bytes > data_size - place.offset) {
      reader.fail(
          "truncated: tensor " + in_quotes(name) + " needs " +
          std::to_string(bytes) + " bytes at byte " +
          std::to_string(place.offset) + " of the data, which has " +
          std::to_string(data_size));
    }
    place.offset += begin;
    ranges.push_back({place.offset, bytes, name});
  }
  if (const auto overlap = find_overlap(ranges)) {
    reader.fail(
        "tensors " + in_quotes(overlap->first) + " and " +
        in_quotes(overlap->second) + " share bytes of the file");
  }
}

} // namespace

GgufHeader read_gguf_header(const MappedFile& file) {
  ByteReader reader(file.bytes(), file.path().string());
  GgufHeader header;
  header.version = read_version(reader);
  const std::uint64_t n_tensors =
      read_count(reader, "tensors", kSmallestDescription);
  const std::uint64_t n_pairs =
      read_count(reader, "metadata entries", kSmallestPair);
  for (std::uint64_t i = 0; i < n_pairs; ++i) {
    read_pair(reader, header);
  }
  for (std::uint64_t i = 0; i < n_tensors; ++i) {
    read_description(reader, header);
  }
  place_tensors(header, reader, file.bytes().size());
  return header;
}

} // namespace ma
