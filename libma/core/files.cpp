// POSIX reading, and the write-flush-rename dance.
#include "libma/core/files.h"

#include <atomic>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "libma/core/posix_file.h"

namespace ma {
namespace {

/// A new file beside `path`, removed unless it was renamed into place.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& path)
      : file_(name_beside(path), O_WRONLY | O_CREAT | O_EXCL, "create") {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!renamed_) {
      ::unlink(file_.path().c_str());
    }
  }

  PosixFile& file() { return file_; }

  void rename_to(const std::filesystem::path& path) {
    if (std::rename(file_.path().c_str(), path.c_str()) != 0) {
      throw system_error(path, "replace");
    }
    renamed_ = true;
  }

 private:
  static std::filesystem::path name_beside(const std::filesystem::path& path) {
    static std::atomic<int> counter{0};
    std::string name = ".";
    name += path.filename().string();
    name.append(".")
        .append(std::to_string(::getpid()))
        .append("-")
        .append(std::to_string(counter++));
    return path.parent_path() / (name + ".tmp");
  }

  PosixFile file_;
  bool renamed_ = false;
};

} // namespace

std::string read_file(const std::filesystem::path& path) {
  if (std::error_code ignored; std::filesystem::is_directory(path, ignored)) {
    throw FileError(path.string(), "is a folder, expected a file");
  }
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream bytes;
  if (!stream || (stream.peek() != std::ifstream::traits_type::eof() &&
                  !(bytes << stream.rdbuf()))) {
    throw system_error(path, "read");
  }
  return std::move(bytes).str();
}

void write_file_atomically(
    const std::filesystem::path& path, std::string_view bytes) {
  TemporaryFile temporary(path);
  temporary.file().write(bytes);
  temporary.file().flush_to_device();
  temporary.rename_to(path);
  const auto folder = path.parent_path().empty() ? std::filesystem::path(".")
                                                 : path.parent_path();
  PosixFile(folder, O_RDONLY | O_DIRECTORY, "open")
      .flush_to_device(); // makes the rename itself durable
}

} // namespace ma
