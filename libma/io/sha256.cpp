// Blocks, padding and hexadecimal digits of SHA-256.
#include "libma/io/sha256.h"

#include <algorithm>

#include "libma/io/mapped_file.h"
#include "libma/io/sha256_block.h"

namespace ma {

void Sha256::update(std::span<const std::uint8_t> bytes) {
  std::size_t filled = size_ % pending_.size();
  size_ += bytes.size();
  if (filled > 0) {
    const std::size_t taken = std::min(bytes.size(), pending_.size() - filled);
    std::copy_n(
        bytes.begin(),
        taken,
        pending_.begin() + static_cast<std::ptrdiff_t>(filled));
    bytes = bytes.subspan(taken);
    filled += taken;
    if (filled < pending_.size()) {
      return;
    }
    sha256_blocks(state_.data(), pending_.data(), 1);
  }
  const std::size_t n_blocks = bytes.size() / pending_.size();
  sha256_blocks(state_.data(), bytes.data(), n_blocks);
  bytes = bytes.subspan(n_blocks * pending_.size());
  std::copy(bytes.begin(), bytes.end(), pending_.begin());
}

std::string Sha256::hex() const {
  // One set bit, zeros, and the length in bits: up to the end of this block or
  // of the next.
  std::array<std::uint8_t, 128> tail = {};
  const std::size_t filled = size_ % pending_.size();
  std::copy_n(pending_.begin(), filled, tail.begin());
  tail[filled] = 0x80;
  const std::size_t n_blocks = filled + 9 <= pending_.size() ? 1 : 2;
  for (std::size_t i = 0; i < 8; ++i) {
    tail[n_blocks * 64 - 1 - i] =
        static_cast<std::uint8_t>((size_ * 8) >> (8 * i));
  }
  std::array<std::uint32_t, 8> state = state_;
  sha256_blocks(state.data(), tail.data(), n_blocks);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  for (const std::uint32_t word : state) {
    for (int shift = 28; shift >= 0; shift -= 4) {
      digits += kDigits[(word >> shift) & 15];
    }
  }
  return digits;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 hash;
  hash.update(
      {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
  return hash.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  constexpr std::uint64_t kPiece = std::uint64_t{16} << 20;
  const auto file = MappedFile::open(path);
  Sha256 hash;
  for (std::uint64_t at = 0; at < file->bytes().size(); at += kPiece) {
    const std::uint64_t count =
        std::min<std::uint64_t>(kPiece, file->bytes().size() - at);
    hash.update(file->bytes(at, count));
    file->release(at, count);
  }
  return hash.hex();
}

} // namespace ma
