// GgufFile: metadata from the header, tensors through gguf_dequant.
#include "libma/io/gguf.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "libma/io/gguf_header.h"
#include "libma/io/gguf_tensor.h"

namespace ma {

struct GgufFile::Contents {
  std::shared_ptr<const MappedFile> file;
  GgufHeader header;

  const GgufArray& array(const std::string& key) const {
    const auto found = header.arrays.find(key);
    if (found == header.arrays.end()) {
      std::vector<std::string> keys;
      keys.reserve(header.arrays.size());
      for (const auto& entry : header.arrays) {
        keys.push_back(entry.first);
      }
      throw UnknownNameError(
          file->path().string(), "metadata array", key, keys);
    }
    return found->second;
  }
};

GgufFile GgufFile::open(const std::filesystem::path& path) {
  auto contents = std::make_shared<Contents>();
  contents->file = MappedFile::open(path);
  contents->header = read_gguf_header(*contents->file);
  return GgufFile(std::move(contents));
}

GgufFile::GgufFile(std::shared_ptr<const Contents> contents)
    : contents_(std::move(contents)) {}

const std::filesystem::path& GgufFile::path() const {
  return contents_->file->path();
}

std::uint32_t GgufFile::version() const {
  return contents_->header.version;
}

const nlohmann::json& GgufFile::metadata() const {
  return contents_->header.scalars;
}

bool GgufFile::has(const std::string& key) const {
  return contents_->header.scalars.contains(key) ||
         contents_->header.arrays.count(key) > 0;
}

std::vector<std::string> GgufFile::string_array(const std::string& key) const {
  return gguf_strings(contents_->array(key), path().string(), key);
}

std::vector<std::int64_t> GgufFile::int_array(const std::string& key) const {
  return gguf_integers(contents_->array(key), path().string(), key);
}

std::vector<double> GgufFile::float_array(const std::string& key) const {
  return gguf_floats(contents_->array(key), path().string(), key);
}

nlohmann::json GgufFile::array(const std::string& key) const {
  return gguf_array_json(contents_->array(key), path().string(), key);
}

const std::map<std::string, TensorInfo>& GgufFile::tensors() const {
  return contents_->header.tensors;
}

torch::Tensor GgufFile::load(
    const std::string& name, torch::ScalarType dtype) const {
  const TensorInfo& info = find_tensor(tensors(), name, path().string());
  const GgufTensor& place = contents_->header.places.at(name);
  const MappedTensor from{
      contents_->file, name, info.shape, place.offset, info.bytes};
  return load_gguf_tensor(from, *place.encoding, dtype);
}

} // namespace ma
