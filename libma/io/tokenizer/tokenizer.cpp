// The way in: which reader a path needs, and the overloads for tensors.
#include "libma/io/tokenizer/tokenizer.h"

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/pipeline.h"

namespace ma {
namespace {

constexpr const char* kKnown =
    "a model folder, a tokenizer.json, a tokenizer.model or a .gguf file";

} // namespace

torch::Tensor Tokenizer::encode(
    std::string_view text, const EncodeOptions& options) const {
  return torch::tensor(encode_with_offsets(text, options).ids, torch::kInt64);
}

std::string Tokenizer::decode(
    const torch::Tensor& ids, bool skip_special) const {
  if (ids.dim() != 1 || ids.scalar_type() != torch::kInt64) {
    throw ShapeError(
        "Tokenizer::decode",
        c10::str(
            "ids are ",
            ids.scalar_type(),
            " ",
            ids.sizes(),
            "; give int64 [pos], one text at a time"));
  }
  const torch::Tensor values = ids.to(torch::kCPU).contiguous();
  const auto* const first = values.const_data_ptr<std::int64_t>();
  return decode(
      std::vector<std::int64_t>(first, first + values.numel()), skip_special);
}

std::unique_ptr<Tokenizer> load_tokenizer(
    const std::filesystem::path& model_path) {
  const std::string where = model_path.string();
  if (std::filesystem::is_directory(model_path)) {
    const std::filesystem::path json = model_path / "tokenizer.json";
    const std::filesystem::path model = model_path / "tokenizer.model";
    if (std::filesystem::exists(json)) {
      return tok::load_tokenizer_json(json);
    }
    if (std::filesystem::exists(model)) {
      return tok::load_tokenizer_model(model);
    }
    throw FileError(
        where,
        "holds no tokenizer.json and no tokenizer.model; save one there with "
        "transformers' save_pretrained");
  }
  if (!std::filesystem::exists(model_path)) {
    throw FileError(where, std::string("does not exist; give ") + kKnown);
  }
  if (model_path.extension() == ".json") {
    return tok::load_tokenizer_json(model_path);
  }
  if (model_path.extension() == ".model") {
    return tok::load_tokenizer_model(model_path);
  }
  if (model_path.extension() == ".gguf") {
    return tok::load_tokenizer_gguf(model_path);
  }
  throw ConfigError(where, std::string("is no tokenizer; give ") + kKnown);
}

} // namespace ma
