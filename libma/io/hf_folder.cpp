// Finds the weights of a Hugging Face folder and checks that index and shards
// agree.
#include "libma/io/hf_folder.h"

#include <algorithm>
#include <set>
#include <system_error>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/io/mapped_file.h"
#include "libma/io/strict_json.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kSingle = "model.safetensors";
constexpr const char* kIndex = "model.safetensors.index.json";

nlohmann::json read_json_object(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  nlohmann::json json = parse_json(
      {reinterpret_cast<const char*>(bytes.data()), bytes.size()},
      path.string());
  if (!json.is_object()) {
    throw FileError(
        path.string(),
        "must be a JSON object, got " + std::string(json.type_name()));
  }
  return json;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

/// File names in `folder` that end in one of `extensions`, sorted.
std::vector<std::string> files_ending(
    const std::filesystem::path& folder,
    const std::set<std::string>& extensions) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (extensions.count(entry.path().extension().string()) > 0) {
      names.push_back(in_quotes(entry.path().filename().string()));
    }
  }
  if (error) {
    throw FileError(
        folder.string(), "cannot list the folder: " + error.message());
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// Says why a folder without safetensors cannot be read.
[[noreturn]] void fail_without_weights(const std::filesystem::path& folder) {
  const auto pickled = files_ending(folder, {".bin", ".pt", ".pth", ".ckpt"});
  if (!pickled.empty()) {
    throw FileError(
        folder.string(),
        "its weights are pickled (" + pickled.front() +
            "), and a pickle can run any code; run `libma convert` on the "
            "folder to write model.safetensors");
  }
  const auto gguf = files_ending(folder, {".gguf"});
  if (!gguf.empty()) {
    throw FileError(
        folder.string(),
        "holds no model.safetensors but " + join(gguf) +
            "; give the path of that file");
  }
  const auto other = files_ending(folder, {".safetensors"});
  throw FileError(
      folder.string(),
      std::string("holds neither ") + kSingle + " nor " + kIndex +
          (other.empty() ? "; a checkpoint folder needs one of them"
                         : "; it has " + join(other)));
}

/// A shard must be a plain file name: `..` or `/` would let an index read files
/// elsewhere.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." &&
         name.find_first_of(std::string("/\\\0", 3)) == std::string::npos;
}

} // namespace

std::map<std::string, std::string> read_shard_index(
    const std::filesystem::path& index) {
  const nlohmann::json json = read_json_object(index);
  const auto found = json.find("weight_map");
  if (found == json.end() || !found->is_object() || found->empty()) {
    throw FileError(
        index.string(),
        "has no weight_map: an index maps names of tensors to files");
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [tensor, shard] : found->items()) {
    if (!shard.is_string() || !is_plain_name(shard.get<std::string>())) {
      throw FileError(
          index.string(),
          "weight_map " + in_quotes(tensor) +
              ": expected the name of a file in this folder, got " +
              (shard.is_string() ? in_quotes(shard.get<std::string>())
                                 : shard.type_name()));
    }
    shard_of.emplace(tensor, shard.get<std::string>());
  }
  return shard_of;
}

HfFolder::HfFolder(const std::filesystem::path& folder) : path_(folder) {
  if (!is_there(folder / kConfig)) {
    if (!is_there(folder / kSingle) && !is_there(folder / kIndex)) {
      fail_without_weights(folder);
    }
    throw FileError(
        folder.string(), "holds no config.json; a checkpoint folder needs one");
  }
  files_.push_back(folder / kConfig);
  config_ = read_json_object(folder / kConfig);
  if (is_there(folder / kSingle)) {
    add_shard(folder / kSingle);
  } else if (is_there(folder / kIndex)) {
    open_shards(folder / kIndex);
  } else {
    fail_without_weights(folder);
  }
  for (const char* name :
       {"tokenizer.json", "tokenizer.model", "tokenizer_config.json"}) {
    if (is_there(folder / name)) {
      files_.push_back(folder / name);
    }
  }
}

void HfFolder::open_shards(const std::filesystem::path& index) {
  files_.push_back(index);
  const auto shard_of = read_shard_index(index);
  std::set<std::string> names;
  for (const auto& entry : shard_of) {
    names.insert(entry.second);
  }
  for (const std::string& name : names) {
    add_shard(path_ / name);
  }
  for (const auto& [tensor, shard] : shard_of) {
    const auto found = shard_of_.find(tensor);
    if (found == shard_of_.end() ||
        shards_[found->second].path().filename() != shard) {
      throw FileError(
          index.string(),
          "weight_map says that " + in_quotes(tensor) + " is in " +
              in_quotes(shard) + ", but it is not");
    }
  }
}

void HfFolder::add_shard(const std::filesystem::path& path) {
  files_.push_back(path);
  shards_.push_back(SafetensorsFile::open(path));
  for (const auto& [name, info] : shards_.back().tensors()) {
    const auto [place, added] = shard_of_.emplace(name, shards_.size() - 1);
    if (!added) {
      throw FileError(
          path.string(),
          "tensor " + in_quotes(name) + " is also in " +
              in_quotes(shards_[place->second].path().filename().string()));
    }
    tensors_.emplace(name, info);
  }
}

torch::Tensor HfFolder::load(
    const std::string& name, torch::ScalarType dtype) const {
  find_tensor(tensors_, name, path_.string());
  return shards_[shard_of_.at(name)].load(name, dtype);
}

} // namespace ma
