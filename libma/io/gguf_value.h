// The metadata values of GGUF: twelve scalar types, strings, and arrays of
// either or of arrays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/io/byte_reader.h"

namespace ma {

/// Numbers of the types, as in the file.
enum class GgufValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// Where an array of the metadata lies: checked when the file was opened, read
/// when asked for.
struct GgufArray {
  GgufValueType type = GgufValueType::kUint8; ///< of the elements
  std::uint64_t count = 0;
  std::span<const std::uint8_t> bytes; ///< the elements
};

/// Reads a type number; FileError, naming `key`, when there is no such type.
GgufValueType read_gguf_type(ByteReader& reader, const std::string& key);

/// Reads a scalar or string. Strings must be UTF-8.
nlohmann::json read_gguf_scalar(
    ByteReader& reader, GgufValueType type, const std::string& key);

/// Walks over an array (type, count, elements), checking that all of it is
/// there.
GgufArray skip_gguf_array(ByteReader& reader, const std::string& key);

/// Name of a type for messages: "float32", "string", ...
std::string gguf_type_name(GgufValueType type);

/// The elements of a checked array; `where` is the file. FileError when they
/// are of another kind than asked for.
std::vector<std::string> gguf_strings(
    const GgufArray& array, const std::string& where, const std::string& key);
std::vector<std::int64_t> gguf_integers(
    const GgufArray& array, const std::string& where, const std::string& key);
std::vector<double> gguf_floats(
    const GgufArray& array, const std::string& where, const std::string& key);
nlohmann::json gguf_array_json(
    const GgufArray& array, const std::string& where, const std::string& key);

} // namespace ma
