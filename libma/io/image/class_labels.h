// From the names of image files to classes and labels.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace ma {

/// One image of a set.
struct ImageItem {
  std::string name;        ///< path inside the set, with slashes
  std::int64_t label = -1; ///< index of its class; -1 without classes
  std::string class_name;  ///< empty without classes
};

/// The lines of a file, line n naming class n, from 0. Throws FileError when
/// one is empty or occurs twice.
std::vector<std::string> read_class_names(const std::filesystem::path& path);

/// Whether a name ends like an image's, also of types that cannot be read: such
/// an image is an error when it is read, not passed over.
bool is_image_name(const std::string& name);

/// What a set of images is made of.
struct ClassifiedImages {
  std::vector<ImageItem> items;     ///< by class folder, then by name
  std::vector<std::size_t> order;   ///< item i is name `order[i]`
  std::vector<std::string> classes; ///< by label
};

/// Sorts `names` and finds their classes. Where they lie in folders, the first
/// folder is the class, as in torchvision's ImageFolder; without folders it is
/// what stands before the first underscore, and only if `class_names` are
/// given. Labels are positions in `class_names`, or in the sorted folders where
/// it is empty.
///
/// Throws FileError, located at `where`, when some lie in folders and some do
/// not, or a class is not in `class_names`.
ClassifiedImages classify_images(
    const std::vector<std::string>& names,
    const std::vector<std::string>& class_names,
    const std::string& where);

/// Takes folders away that all names share.
void strip_common_folders(std::vector<std::string>& names);

} // namespace ma
