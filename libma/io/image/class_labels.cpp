// Class folders and lists of synsets.
#include "libma/io/image/class_labels.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>

#include "libma/core/error.h"
#include "libma/io/text.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

std::string_view first_folder(std::string_view name) {
  const std::size_t slash = name.find('/');
  return slash == std::string_view::npos ? std::string_view()
                                         : name.substr(0, slash);
}

std::string_view folder_of(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  return slash == std::string_view::npos ? std::string_view()
                                         : name.substr(0, slash);
}

/// Sorts as torchvision's ImageFolder does: by class, folder, file.
auto sort_key(std::string_view name) {
  return std::tuple(first_folder(name), folder_of(name), name);
}

std::string class_of(std::string_view name, bool has_folders) {
  return std::string(
      has_folders ? first_folder(name) : name.substr(0, name.find('_')));
}

void check_folders(
    const std::vector<std::string>& names, const std::string& where) {
  const auto is_bare = [](const std::string& name) {
    return first_folder(name).empty();
  };
  const auto bare = std::find_if(names.begin(), names.end(), is_bare);
  const auto inside = std::find_if_not(names.begin(), names.end(), is_bare);
  if (bare != names.end() && inside != names.end()) {
    throw FileError(
        where,
        "holds images beside class folders: " + in_quotes(*bare) + " and " +
            in_quotes(*inside) + "; give one or the other");
  }
}

} // namespace

std::vector<std::string> read_class_names(const std::filesystem::path& path) {
  const std::string text = read_text(path, {.line_ends = LineEnds::kToLf});
  std::vector<std::string> names;
  std::map<std::string, std::size_t> line_of;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty() &&
        rest.find_first_not_of('\n') == std::string_view::npos) {
      break; // blank lines at the end
    }
    names.emplace_back(line);
    const auto [first, is_new] = line_of.emplace(line, names.size());
    if (line.empty() || !is_new) {
      throw FileError(
          path.string() + ":" + std::to_string(names.size()),
          line.empty() ? "names no class"
                       : "class " + in_quotes(line) + " is on line " +
                             std::to_string(first->second) + " too");
    }
  }
  return names;
}

bool is_image_name(const std::string& name) {
  static constexpr std::array<std::string_view, 12> kEnds = {
      ".jpg",
      ".jpeg",
      ".png",
      ".webp",
      ".gif",
      ".bmp",
      ".tif",
      ".tiff",
      ".ppm",
      ".pgm",
      ".jxl",
      ".avif"};
  const std::string_view file =
      std::string_view(name).substr(name.rfind('/') + 1);
  if (file.starts_with('.')) {
    return false; // hidden, as the ._ files of macOS
  }
  std::string lower(file.substr(std::min(file.rfind('.'), file.size())));
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char letter) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  });
  return std::find(kEnds.begin(), kEnds.end(), lower) != kEnds.end();
}

void strip_common_folders(std::vector<std::string>& names) {
  while (!names.empty()) {
    const std::string folder(first_folder(names.front()));
    if (folder.empty() ||
        !std::all_of(
            names.begin(), names.end(), [&folder](const std::string& name) {
              return first_folder(name) == folder;
            })) {
      return;
    }
    for (std::string& name : names) {
      name.erase(0, folder.size() + 1);
    }
  }
}

ClassifiedImages classify_images(
    const std::vector<std::string>& names,
    const std::vector<std::string>& class_names,
    const std::string& where) {
  check_folders(names, where);
  ClassifiedImages images;
  images.classes = class_names;
  images.order.resize(names.size());
  std::iota(images.order.begin(), images.order.end(), 0);
  std::sort(
      images.order.begin(),
      images.order.end(),
      [&names](std::size_t a, std::size_t b) {
        return sort_key(names[a]) < sort_key(names[b]);
      });
  const bool has_folders = !names.empty() && !first_folder(names[0]).empty();
  std::map<std::string, std::int64_t> label_of;
  for (const std::string& name : class_names) {
    label_of.emplace(name, static_cast<std::int64_t>(label_of.size()));
  }
  for (const std::size_t i : images.order) {
    ImageItem item;
    item.name = names[i];
    if (has_folders || !class_names.empty()) {
      item.class_name = class_of(item.name, has_folders);
      const auto known = label_of.find(item.class_name);
      if (known != label_of.end()) {
        item.label = known->second;
      } else if (!class_names.empty()) {
        throw FileError(
            where,
            "class " + in_quotes(item.class_name) + " of " +
                in_quotes(item.name) + " is not in the list of classes");
      } else {
        item.label = static_cast<std::int64_t>(label_of.size());
        label_of.emplace(item.class_name, item.label);
        images.classes.push_back(item.class_name);
      }
    }
    images.items.push_back(std::move(item));
  }
  return images;
}

} // namespace ma
