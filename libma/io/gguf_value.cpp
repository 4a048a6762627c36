// Reading GGUF metadata values.
#include "libma/io/gguf_value.h"

#include <array>
#include <limits>

#include <nlohmann/json.hpp>

#include "libma/io/utf8.h"

namespace ma {
namespace {

// Real files nest arrays once at most; the limit keeps a hostile one from
// exhausting the stack.
constexpr int kDeepestArray = 8;

constexpr std::array<const char*, 13> kTypeNames = {
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "float32",
    "bool",
    "string",
    "array",
    "uint64",
    "int64",
    "float64"};

/// Bytes of one element; for strings and arrays the fewest possible.
std::uint64_t smallest_size(GgufValueType type) {
  constexpr std::array<std::uint64_t, 13> kSizes = {
      1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};
  return kSizes[static_cast<std::size_t>(type)];
}

bool read_bool(ByteReader& reader, const std::string& key) {
  const auto value = reader.read<std::uint8_t>("the value of " + key);
  if (value > 1) {
    reader.fail(
        "metadata " + key + ": a bool must be 0 or 1, got " +
        std::to_string(value));
  }
  return value == 1;
}

GgufArray skip_array(ByteReader& reader, const std::string& key, int depth) {
  if (depth > kDeepestArray) {
    reader.fail(
        "metadata " + key + ": arrays are nested more than " +
        std::to_string(kDeepestArray) + " deep");
  }
  GgufArray array;
  array.type = read_gguf_type(reader, key);
  array.count = reader.read<std::uint64_t>("the length of array " + key);
  const std::uint64_t size = smallest_size(array.type);
  if (array.count > reader.remaining() / size) {
    reader.fail(
        "metadata " + key + ": says it has " + std::to_string(array.count) +
        " elements, but only " + std::to_string(reader.remaining()) +
        " bytes are left in the file");
  }
  ByteReader begin = reader;
  const std::uint64_t first = reader.position();
  if (array.type == GgufValueType::kString) {
    for (std::uint64_t i = 0; i < array.count; ++i) {
      reader.read_string(key);
    }
  } else if (array.type == GgufValueType::kArray) {
    for (std::uint64_t i = 0; i < array.count; ++i) {
      skip_array(reader, key, depth + 1);
    }
  } else {
    reader.take(array.count * size, key);
  }
  array.bytes = begin.take(reader.position() - first, key);
  return array;
}

[[noreturn]] void fail_type(
    const ByteReader& reader,
    const char* wanted,
    GgufValueType type,
    const std::string& key) {
  reader.fail(
      "metadata " + key + ": expected an array of " + wanted +
      ", got elements of type " + gguf_type_name(type));
}

bool is_float(GgufValueType type) {
  return type == GgufValueType::kFloat32 || type == GgufValueType::kFloat64;
}

bool is_integer(GgufValueType type) {
  return !is_float(type) && type != GgufValueType::kString &&
         type != GgufValueType::kArray;
}

template <class T>
T read_number(ByteReader& reader, const std::string& key) {
  return reader.read<T>("the value of " + key);
}

std::int64_t read_integer(
    ByteReader& reader, GgufValueType type, const std::string& key) {
  switch (type) {
    case GgufValueType::kUint8:
      return read_number<std::uint8_t>(reader, key);
    case GgufValueType::kInt8:
      return read_number<std::int8_t>(reader, key);
    case GgufValueType::kUint16:
      return read_number<std::uint16_t>(reader, key);
    case GgufValueType::kInt16:
      return read_number<std::int16_t>(reader, key);
    case GgufValueType::kUint32:
      return read_number<std::uint32_t>(reader, key);
    case GgufValueType::kInt32:
      return read_number<std::int32_t>(reader, key);
    case GgufValueType::kBool:
      return read_bool(reader, key) ? 1 : 0;
    case GgufValueType::kInt64:
      return read_number<std::int64_t>(reader, key);
    case GgufValueType::kUint64: {
      const auto value = read_number<std::uint64_t>(reader, key);
      if (value > static_cast<std::uint64_t>(
                      std::numeric_limits<std::int64_t>::max())) {
        reader.fail(
            "metadata " + key + ": " + std::to_string(value) +
            " does not fit a signed 64-bit integer");
      }
      return static_cast<std::int64_t>(value);
    }
    default:
      fail_type(reader, "integers", type, key);
  }
}

double read_float(
    ByteReader& reader, GgufValueType type, const std::string& key) {
  return type == GgufValueType::kFloat32 ? read_number<float>(reader, key)
                                         : read_number<double>(reader, key);
}

} // namespace

GgufValueType read_gguf_type(ByteReader& reader, const std::string& key) {
  const auto number = reader.read<std::uint32_t>("the type of " + key);
  if (number >= kTypeNames.size()) {
    reader.fail(
        "metadata " + key + ": unknown value type " + std::to_string(number) +
        "; types 0 to 12 exist");
  }
  return static_cast<GgufValueType>(number);
}

std::string gguf_type_name(GgufValueType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

nlohmann::json read_gguf_scalar(
    ByteReader& reader, GgufValueType type, const std::string& key) {
  switch (type) {
    case GgufValueType::kString: {
      const std::string_view text = reader.read_string("the value of " + key);
      if (first_invalid_utf8(text)) {
        reader.fail(
            "metadata " + key + ": its text is not UTF-8: " + in_quotes(text));
      }
      return text;
    }
    case GgufValueType::kFloat32:
    case GgufValueType::kFloat64:
      return read_float(reader, type, key);
    case GgufValueType::kBool:
      return read_bool(reader, key);
    case GgufValueType::kUint64:
      return read_number<std::uint64_t>(reader, key);
    default:
      return read_integer(reader, type, key);
  }
}

GgufArray skip_gguf_array(ByteReader& reader, const std::string& key) {
  return skip_array(reader, key, 1);
}

std::vector<std::string> gguf_strings(
    const GgufArray& array, const std::string& where, const std::string& key) {
  ByteReader reader(array.bytes, where);
  if (array.type != GgufValueType::kString) {
    fail_type(reader, "strings", array.type, key);
  }
  std::vector<std::string> strings;
  strings.reserve(array.count);
  for (std::uint64_t i = 0; i < array.count; ++i) {
    strings.emplace_back(reader.read_string(key));
  }
  return strings;
}

std::vector<std::int64_t> gguf_integers(
    const GgufArray& array, const std::string& where, const std::string& key) {
  ByteReader reader(array.bytes, where);
  if (!is_integer(array.type)) {
    fail_type(reader, "integers", array.type, key);
  }
  std::vector<std::int64_t> integers;
  integers.reserve(array.count);
  for (std::uint64_t i = 0; i < array.count; ++i) {
    integers.push_back(read_integer(reader, array.type, key));
  }
  return integers;
}

std::vector<double> gguf_floats(
    const GgufArray& array, const std::string& where, const std::string& key) {
  ByteReader reader(array.bytes, where);
  if (!is_float(array.type)) {
    fail_type(reader, "floats", array.type, key);
  }
  std::vector<double> floats;
  floats.reserve(array.count);
  for (std::uint64_t i = 0; i < array.count; ++i) {
    floats.push_back(read_float(reader, array.type, key));
  }
  return floats;
}

nlohmann::json gguf_array_json(
    const GgufArray& array, const std::string& where, const std::string& key) {
  ByteReader reader(array.bytes, where);
  nlohmann::json elements = nlohmann::json::array();
  for (std::uint64_t i = 0; i < array.count; ++i) {
    if (array.type == GgufValueType::kArray) {
      elements.push_back(
          gguf_array_json(skip_gguf_array(reader, key), where, key));
    } else {
      elements.push_back(read_gguf_scalar(reader, array.type, key));
    }
  }
  return elements;
}

} // namespace ma
