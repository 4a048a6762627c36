// Names -> local files: where `libma fetch` put a model, a text or a dataset.
#pragma once

#include <filesystem>
#include <string>

namespace ma {

/// `~/.cache/libma` of the user who runs the process, by the system's user
/// list; empty when the user is not in it.
std::filesystem::path default_home();

/// The model folder or `.gguf` file meant by `name_or_path`, ready for
/// `open_checkpoint`: a path that exists is itself; else it is a name that
/// `libma fetch` has brought to the cache `home` (`<home>/models/<name>/`).
///
/// An empty `home` means that there is no cache. Throws FileError, saying what
/// to fetch and what the cache has, when it is neither.
std::filesystem::path find_model(
    const std::string& name_or_path, const std::filesystem::path& home);

/// The JSONL file, one text a line under the key `text`, meant by
/// `name_or_path`: a file that exists, else `<home>/texts/<name>.jsonl`.
/// Throws like `find_model`.
std::filesystem::path find_text(
    const std::string& name_or_path, const std::filesystem::path& home);

/// The JSONL file, one document a line, meant by `name_or_path`: a file that
/// exists, else `<home>/datasets/<name>.jsonl`. Throws like `find_model`.
std::filesystem::path find_dataset(
    const std::string& name_or_path, const std::filesystem::path& home);

} // namespace ma
