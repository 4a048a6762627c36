// SHA-256 (FIPS 180-4), for the records of what was read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace ma {

/// SHA-256 of bytes that arrive in pieces.
class Sha256 {
 public:
  void update(std::span<const std::uint8_t> bytes);

  /// The digest of all bytes so far as 64 lower-case hexadecimal digits. More
  /// bytes may follow.
  std::string hex() const;

 private:
  std::array<std::uint32_t, 8> state_ = {
      0x6a09e667,
      0xbb67ae85,
      0x3c6ef372,
      0xa54ff53a,
      0x510e527f,
      0x9b05688c,
      0x1f83d9ab,
      0x5be0cd19};
  std::array<std::uint8_t, 64> pending_ =
      {};                  ///< bytes of a block that is not complete
  std::uint64_t size_ = 0; ///< bytes so far
};

/// SHA-256 of `bytes` as 64 hexadecimal digits.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 of a file's bytes as 64 hexadecimal digits. Throws FileError when it
/// cannot be read.
std::string sha256_file(const std::filesystem::path& path);

} // namespace ma
