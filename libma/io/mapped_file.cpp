// open, fstat, mmap, madvise.
#include "libma/io/mapped_file.h"

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libma/core/error.h"

namespace ma {
namespace {

/// Closes a file descriptor at the end of a scope.
struct Descriptor {
  int number;
  ~Descriptor() {
    if (number >= 0) {
      ::close(number);
    }
  }
};

[[noreturn]] void fail(
    const std::filesystem::path& path, const std::string& action, int error) {
  throw FileError(
      path.string(), "cannot " + action + ": " + std::strerror(error));
}

} // namespace

std::shared_ptr<const MappedFile> MappedFile::open(
    const std::filesystem::path& path) {
  const Descriptor file{
      ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.number < 0) {
    fail(path, "open the file", errno);
  }
  struct stat status{};
  if (::fstat(file.number, &status) != 0) {
    fail(path, "read the size of the file", errno);
  }
  if (!S_ISREG(status.st_mode)) {
    throw FileError(
        path.string(), "is not a regular file; give the path of a file");
  }
  const auto size = static_cast<std::size_t>(status.st_size);
  void* data = nullptr;
  if (size > 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.number, 0);
    if (data == MAP_FAILED) {
      fail(path, "map the file into memory", errno);
    }
  }
  return std::shared_ptr<const MappedFile>(
      new MappedFile(path, static_cast<const std::uint8_t*>(data), size));
}

MappedFile::MappedFile(
    std::filesystem::path path, const std::uint8_t* data, std::size_t size)
    : path_(std::move(path)), data_(data), size_(size) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::uint8_t*>(data_), size_);
  }
}

std::span<const std::uint8_t> MappedFile::bytes(
    std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset) {
    throw FileError(
        path_.string(),
        "bytes " + std::to_string(offset) + " to " + std::to_string(offset) +
            " + " + std::to_string(count) + " are wanted, but the file has " +
            std::to_string(size_) + "; it is truncated");
  }
  return {data_ + offset, static_cast<std::size_t>(count)};
}

void MappedFile::release(std::uint64_t offset, std::uint64_t count) const {
  const std::span<const std::uint8_t> range = bytes(offset, count);
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(range.data());
  const std::uintptr_t first = (begin + page - 1) / page * page;
  const std::uintptr_t last = (begin + range.size()) / page * page;
  if (first < last) {
    // Advice only: a kernel that declines it costs memory, not correctness.
    auto* const start =
        const_cast<std::uint8_t*>(range.data()) + (first - begin);
    ::madvise(start, last - first, MADV_DONTNEED);
  }
}

} // namespace ma
