// The reader's side of the cache layout that bindings/libma/cache.py writes.
#include "libma/io/model_source.h"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <vector>

#include <c10/util/StringUtil.h>
#include <pwd.h>
#include <unistd.h>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecord = "source.json";

/// Whether `name` is one component of a path that cannot lead elsewhere.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find('/') == std::string::npos;
}

/// Names in `folder` whose record is there; hidden ones are being fetched.
std::vector<std::string> cached_names(const fs::path& folder, bool is_model) {
  const std::string suffix = "." + std::string(kRecord);
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    std::string name = entry.path().filename().string();
    if (is_model) {
      if (!is_plain_name(name) || !fs::exists(entry.path() / kRecord)) {
        continue;
      }
    } else if (is_plain_name(name) && name.ends_with(suffix)) {
      name.resize(name.size() - suffix.size());
    } else {
      continue;
    }
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The one `.gguf` file of a fetched model's folder, else the folder.
fs::path checkpoint_in(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") {
      files.push_back(entry.path());
    }
  }
  return files.size() == 1 ? files.front() : folder;
}

/// A group of the cache: what one is called, and whether each has a folder.
struct Group {
  std::string_view kind;
  std::string_view folder;
  bool is_model = false;
};

/// `<home>/<group>`, once `name` is known to be in it. Throws FileError.
fs::path folder_with(
    const std::string& name, const Group& group, const fs::path& home) {
  if (name.find('/') != std::string::npos) {
    throw FileError(
        name,
        c10::str(
            "is no ",
            group.kind,
            group.is_model ? " file or folder" : " file",
            "; give a path, or a name that `libma models` lists"));
  }
  std::string problem = "neither a path nor a fetched ";
  problem.append(group.kind);
  if (home.empty()) {
    throw FileError(name, problem + ": no cache folder was given");
  }
  const fs::path folder = home / group.folder;
  const auto cached = cached_names(folder, group.is_model);
  if (std::find(cached.begin(), cached.end(), name) != cached.end()) {
    return folder;
  }
  problem.append(" in ").append(folder.string());
  problem.append("; run: libma fetch ").append(name);
  if (!cached.empty()) {
    problem.append(" (there, nearest first: ")
        .append(join(nearest_names(name, cached)))
        .append(")");
  }
  throw FileError(name, problem);
}

fs::path find_rows(
    const std::string& name_or_path, const Group& group, const fs::path& home) {
  std::error_code ignored;
  if (fs::is_regular_file(name_or_path, ignored)) {
    return name_or_path;
  }
  return folder_with(name_or_path, group, home) / (name_or_path + ".jsonl");
}

} // namespace

fs::path default_home() {
  const passwd* user = getpwuid(getuid());
  return user == nullptr ? fs::path()
                         : fs::path(user->pw_dir) / ".cache" / "libma";
}

fs::path find_model(const std::string& name_or_path, const fs::path& home) {
  std::error_code ignored;
  if (fs::exists(name_or_path, ignored)) {
    return name_or_path;
  }
  const Group models{.kind = "model", .folder = "models", .is_model = true};
  return checkpoint_in(folder_with(name_or_path, models, home) / name_or_path);
}

fs::path find_text(const std::string& name_or_path, const fs::path& home) {
  return find_rows(name_or_path, {.kind = "text", .folder = "texts"}, home);
}

fs::path find_dataset(const std::string& name_or_path, const fs::path& home) {
  return find_rows(
      name_or_path, {.kind = "dataset", .folder = "datasets"}, home);
}

} // namespace ma
