// Temporary files, hand-made checkpoints, and the message of an expected error.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma::testing {

/// A folder that is deleted with everything in it.
class TempDir {
 public:
  explicit TempDir(
      const std::filesystem::path& parent =
          std::filesystem::temp_directory_path()) {
    std::string name = (parent / "libma_io_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::runtime_error("cannot make a temporary folder");
    }
    path_ = name;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// Writes `content` to the file `name` and returns its path.
  std::filesystem::path write(
      const std::string& name, std::string_view content) const {
    std::ofstream file(path_ / name, std::ios::binary);
    file << content;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

/// Where many small files are written fast: memory, where the system offers it.
inline std::filesystem::path memory_folder() {
  return std::filesystem::is_directory("/dev/shm")
             ? "/dev/shm"
             : std::filesystem::temp_directory_path();
}

/// The message of the error of type `E` that `statement` throws; the test fails
/// when it throws none or another.
template <class E, class F>
std::string message_of(F&& statement) {
  try {
    statement();
  } catch (const E& error) {
    EXPECT_EQ(typeid(error), typeid(E)) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos)
        << "more than one line: " << error.what();
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "another error: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no error was thrown";
  return "";
}

/// How a message about `path` begins: `[path] `.
inline std::string at_path(const std::filesystem::path& path) {
  return std::string("[").append(path.string()).append("] ");
}

/// The bytes of a trivially copyable value.
template <class T>
  requires std::is_trivially_copyable_v<T>
std::string bytes_of(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return std::string(
      reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

/// A safetensors file: length of the header, header, data.
inline std::string safetensors_bytes(
    const std::string& header, const std::string& data) {
  return bytes_of<std::uint64_t>(header.size()) + header + data;
}

/// Builds GGUF files, right and wrong ones.
struct GgufBuilder {
  std::string magic = "GGUF";
  std::uint32_t version = 3;
  std::uint64_t n_tensors = 0;
  std::uint64_t n_pairs = 0;
  std::string pairs;
  std::string descriptions;
  std::string data;
  std::uint64_t alignment = 32;

  static std::string text(std::string_view value) {
    return bytes_of<std::uint64_t>(value.size()) + std::string(value);
  }

  /// Adds a metadata entry whose value has the type number `type`.
  GgufBuilder& pair(
      std::string_view key, std::uint32_t type, const std::string& value) {
    pairs += text(key) + bytes_of(type) + value;
    ++n_pairs;
    return *this;
  }

  /// Adds the description of a tensor; `shape` in GGUF's order, innermost
  /// first.
  GgufBuilder& describe(
      std::string_view name,
      const std::vector<std::uint64_t>& shape,
      std::uint32_t type,
      std::uint64_t offset) {
    descriptions += text(name) +
                    bytes_of(static_cast<std::uint32_t>(shape.size())) +
                    bytes_of(shape) + bytes_of(type) + bytes_of(offset);
    ++n_tensors;
    return *this;
  }

  /// Adds a tensor with its bytes, padded to the alignment.
  GgufBuilder& tensor(
      std::string_view name,
      const std::vector<std::uint64_t>& shape,
      std::uint32_t type,
      const std::string& bytes) {
    describe(name, shape, type, data.size());
    data += bytes;
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return *this;
  }

  std::string bytes() const {
    std::string all = magic + bytes_of(version) + bytes_of(n_tensors) +
                      bytes_of(n_pairs) + pairs + descriptions;
    all.resize((all.size() + alignment - 1) / alignment * alignment);
    return all + data;
  }
};

} // namespace ma::testing
