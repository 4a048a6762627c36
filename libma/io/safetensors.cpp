// SafetensorsFile: the header, and tensors over or from the mapped bytes.
#include "libma/io/safetensors.h"

#include <utility>

#include "libma/core/error.h"
#include "libma/io/mapped_tensor.h"
#include "libma/io/safetensors_header.h"
#include "libma/io/utf8.h"

namespace ma {

struct SafetensorsFile::Contents {
  std::shared_ptr<const MappedFile> file;
  SafetensorsHeader header;

  MappedTensor mapped(const std::string& name) const {
    const TensorInfo& info =
        find_tensor(header.tensors, name, file->path().string());
    return {file, name, info.shape, header.offsets.at(name), info.bytes};
  }

  torch::ScalarType dtype(const std::string& name) const {
    const std::string& encoding = header.tensors.at(name).encoding;
    const auto dtype = safetensors_dtype(encoding);
    if (!dtype) {
      throw FileError(
          file->path().string(),
          "tensor " + in_quotes(name) + " has dtype " + in_quotes(encoding) +
              ", which libma cannot load; it reads F64, F32, F16, BF16, F8, I8 "
              "to I64, U8 to U64 and BOOL");
    }
    return *dtype;
  }
};

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  auto contents = std::make_shared<Contents>();
  contents->file = MappedFile::open(path);
  contents->header = read_safetensors_header(*contents->file);
  return SafetensorsFile(std::move(contents));
}

SafetensorsFile::SafetensorsFile(std::shared_ptr<const Contents> contents)
    : contents_(std::move(contents)) {}

const std::filesystem::path& SafetensorsFile::path() const {
  return contents_->file->path();
}

const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
  return contents_->header.metadata;
}

const std::map<std::string, TensorInfo>& SafetensorsFile::tensors() const {
  return contents_->header.tensors;
}

torch::Tensor SafetensorsFile::load(
    const std::string& name, torch::ScalarType dtype) const {
  const MappedTensor from = contents_->mapped(name);
  return load_plain(from, contents_->dtype(name), dtype);
}

torch::Tensor SafetensorsFile::view(const std::string& name) const {
  const MappedTensor from = contents_->mapped(name);
  return view_plain(from, contents_->dtype(name));
}

} // namespace ma
