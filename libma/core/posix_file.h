// An open file descriptor that closes itself, and the system's reason for a
// failure. Internal to libma/core.
#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "libma/core/error.h"

namespace ma {

/// "cannot <action>: <the system's reason>", from errno.
inline FileError system_error(
    const std::filesystem::path& path, std::string_view action) {
  const auto reason = std::generic_category().message(errno);
  return FileError(
      path.string(), "cannot " + std::string(action) + ": " + reason);
}

class PosixFile {
 public:
  /// Throws FileError when the file cannot be opened.
  PosixFile(std::filesystem::path path, int flags, std::string_view action)
      : path_(std::move(path)),
        descriptor_(::open(path_.c_str(), flags | O_CLOEXEC, 0666)) {
    if (descriptor_ < 0) {
      throw system_error(path_, action);
    }
  }
  PosixFile(PosixFile&& other) noexcept
      : path_(std::move(other.path_)),
        descriptor_(std::exchange(other.descriptor_, -1)) {}
  PosixFile& operator=(PosixFile&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~PosixFile() {
    if (descriptor_ >= 0) {
      ::close(descriptor_);
    }
  }

  int descriptor() const { return descriptor_; }
  const std::filesystem::path& path() const { return path_; }

  /// Writes all of `bytes`, or throws FileError.
  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno != EINTR) {
        throw system_error(path_, "write");
      }
      bytes.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
  }

  /// Waits until the device has the bytes.
  void flush_to_device() {
    // Pipes and some network file systems cannot; they have nothing to lose by
    // it either.
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) {
      throw system_error(path_, "flush");
    }
  }

 private:
  std::filesystem::path path_;
  int descriptor_;
};

} // namespace ma
