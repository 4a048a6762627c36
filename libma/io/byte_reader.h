// A cursor over little-endian binary data that never reads past the end.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "libma/core/error.h"

namespace ma {

static_assert(
    std::endian::native == std::endian::little,
    "the readers copy little-endian values as they are");

/// Reads values one after the other. Each read names what it wants, for the
/// message of the FileError it throws when the data ends before.
class ByteReader {
 public:
  /// `where` is the file's path, for error messages.
  ByteReader(std::span<const std::uint8_t> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  std::uint64_t position() const { return position_; }
  std::uint64_t remaining() const { return bytes_.size() - position_; }

  /// The next `count` bytes.
  std::span<const std::uint8_t> take(
      std::uint64_t count, std::string_view what) {
    if (count > remaining()) {
      fail(
          "truncated: " + std::string(what) + " needs " +
          std::to_string(count) + " bytes at byte " +
          std::to_string(position_) + ", but the file ends at byte " +
          std::to_string(bytes_.size()));
    }
    const auto taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }

  /// The next value of type `T`.
  template <class T>
    requires std::is_arithmetic_v<T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  /// A string preceded by its length as u64.
  std::string_view read_string(std::string_view what) {
    const auto taken = take(read<std::uint64_t>(what), what);
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }

  [[noreturn]] void fail(const std::string& problem) const {
    throw FileError(where_, problem);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::string where_;
  std::uint64_t position_ = 0;
};

} // namespace ma
