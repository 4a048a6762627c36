// A read-only file mapped into memory: bytes are read when touched and given
// back when released.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace ma {

/// The bytes of a file, mapped for reading. Shared, so that a tensor over the
/// bytes can keep the mapping alive: `torch::from_blob(data, shape,
/// [file](void*) {}, dtype)`.
///
/// A file that another process truncates while it is mapped kills the process
/// that reads it (SIGBUS), as with any mapping.
class MappedFile {
 public:
  /// Maps `path`. Throws FileError when it is absent, unreadable or not a
  /// regular file.
  static std::shared_ptr<const MappedFile> open(
      const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

  /// `count` bytes from byte `offset`. Throws FileError when they reach past
  /// the end.
  std::span<const std::uint8_t> bytes(
      std::uint64_t offset, std::uint64_t count) const;

  /// Gives back the memory of the pages that lie wholly in these bytes;
  /// touching them again reads the file again.
  void release(std::uint64_t offset, std::uint64_t count) const;

 private:
  MappedFile(
      std::filesystem::path path, const std::uint8_t* data, std::size_t size);

  std::filesystem::path path_;
  const std::uint8_t* data_;
  std::size_t size_;
};

} // namespace ma
