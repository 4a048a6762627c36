// Files inside an uncompressed tar archive, read where they lie.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "libma/io/mapped_file.h"

namespace ma {

struct TarMember {
  std::string name; ///< path inside the archive, without a leading "./"
  std::span<const std::uint8_t> bytes; ///< valid as long as the file is mapped
};

/// Whether `bytes` begin with a tar header.
bool is_tar(std::span<const std::uint8_t> bytes);

/// The regular files of a tar (ustar, GNU or pax), in its order. Throws
/// FileError when it is damaged or truncated.
std::vector<TarMember> read_tar(const MappedFile& file);

} // namespace ma
