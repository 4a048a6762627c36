// Which reader a path needs.
#include "libma/io/checkpoint.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <string_view>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/gguf_checkpoint.h"
#include "libma/io/hf_folder.h"
#include "libma/io/mapped_file.h"

namespace ma {
namespace {

bool starts_with_gguf(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  constexpr std::string_view kMagic = "GGUF";
  return bytes.size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(), bytes.begin());
}

/// Whether a `.bin` file starts as a pickle or as the zip file around one;
/// llama2.c's files have the same ending.
bool is_pickle(const std::filesystem::path& path) {
  std::array<char, 2> begin{};
  std::ifstream(path, std::ios::binary).read(begin.data(), begin.size());
  return begin[0] == '\x80' || (begin[0] == 'P' && begin[1] == 'K');
}

[[noreturn]] void fail_for_file(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  static const std::set<std::string> pickled = {
      ".bin", ".pt", ".pth", ".ckpt", ".pkl"};
  if (extension == ".bin" && !is_pickle(path)) {
    throw FileError(
        path.string(),
        "is no pickle; if it is a llama2.c checkpoint, run `libma convert` on "
        "this file, with --tokenizer for its tokenizer's");
  }
  if (pickled.count(extension) > 0) {
    throw FileError(
        path.string(),
        "is a pickled checkpoint, and a pickle can run any code; run `libma "
        "convert` on its folder to write "
        "model.safetensors");
  }
  if (extension == ".safetensors" || extension == ".json") {
    throw FileError(
        path.string(),
        "is one file of a checkpoint; give the folder that also holds its "
        "config.json");
  }
  throw FileError(
      path.string(),
      "is not a checkpoint; give a Hugging Face folder or a GGUF file");
}

} // namespace

GgufCheckpoint::GgufCheckpoint(const std::filesystem::path& path)
    : file_(GgufFile::open(path)) {
  const auto parts = file_.metadata().find("split.count");
  if (parts != file_.metadata().end() && parts->is_number_integer() &&
      parts->get<std::int64_t>() > 1) {
    throw FileError(
        path.string(),
        "is one of " + std::to_string(parts->get<std::int64_t>()) +
            " parts of a model; join them with `llama-gguf-split --merge`");
  }
}

const TensorInfo& find_tensor(
    const std::map<std::string, TensorInfo>& tensors,
    const std::string& name,
    const std::string& where) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) {
    std::vector<std::string> names;
    names.reserve(tensors.size());
    for (const auto& entry : tensors) {
      names.push_back(entry.first);
    }
    throw UnknownNameError(where, "tensor", name, names);
  }
  return found->second;
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    return std::make_unique<HfFolder>(path);
  }
  if (!std::filesystem::exists(path, error)) {
    throw FileError(
        path.string(),
        "does not exist; give a Hugging Face folder or a GGUF file");
  }
  if (path.extension() == ".gguf" || starts_with_gguf(path)) {
    return std::make_unique<GgufCheckpoint>(path);
  }
  fail_for_file(path);
}

} // namespace ma
