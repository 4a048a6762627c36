// Whole-file reading and atomic writing.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace ma {

/// The bytes of a file. Throws FileError when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Replaces `path` by `bytes` in one step: readers see the old file or the new
/// one, also after a crash.
///
/// Written under a temporary name in the same folder, flushed to the device,
/// then renamed. On failure the temporary file is removed, `path` is as it was,
/// and FileError is thrown.
void write_file_atomically(
    const std::filesystem::path& path, std::string_view bytes);

} // namespace ma
