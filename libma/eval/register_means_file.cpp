// One tensor in a safetensors file.
#include "libma/eval/register_means_file.h"

#include <charconv>
#include <string>

#include "libma/core/error.h"
#include "libma/io/safetensors.h"
#include "libma/io/safetensors_write.h"

namespace ma {
namespace {

const std::string kTensor = "register_means"; // NOLINT(cert-err58-cpp)
const std::string kImages = "n_images";       // NOLINT(cert-err58-cpp)

std::int64_t read_count(const std::string& text, const std::string& where) {
  std::int64_t count = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data(), end, count);
  if (failure != std::errc() || rest != end || count < 0) {
    throw FileError(where, "metadata '" + kImages + "' is no count");
  }
  return count;
}

} // namespace

RegisterMeans load_register_means(const std::filesystem::path& path) {
  const auto file = SafetensorsFile::open(path);
  const auto found = file.tensors().find(kTensor);
  if (found == file.tensors().end() || found->second.shape.size() != 3) {
    throw FileError(
        path.string(),
        "holds no tensor '" + kTensor + "' [layer, register, d_model]");
  }
  RegisterMeans means{.means = file.load(kTensor, torch::kFloat32)};
  const auto images = file.metadata().find(kImages);
  if (images != file.metadata().end()) {
    means.n_images = read_count(images->second, path.string());
  }
  return means;
}

void save_register_means(
    const std::filesystem::path& path, const RegisterMeans& means) {
  if (!means.means.defined() || means.means.dim() != 3) {
    throw ShapeError(
        path.string(), "register means are [layer, register, d_model]");
  }
  save_safetensors(
      path,
      {{kTensor, means.means.to(torch::kFloat32)}},
      {{"format", "pt"}, {kImages, std::to_string(means.n_images)}});
}

Intervention fix_registers(
    const VisionConfig& config, const RegisterMeans& means) {
  const std::vector<std::int64_t> expected = {
      config.n_layers, config.n_registers, config.d_model};
  if (config.n_registers == 0 || !means.means.defined() ||
      means.means.sizes() != expected) {
    throw ShapeError(
        "fix_registers",
        c10::str(
            "the means are ",
            means.means.defined() ? c10::str(means.means.sizes()) : "undefined",
            "; the model has ",
            config.n_registers,
            " registers and needs ",
            expected));
  }
  Selection registers;
  for (auto at = config.n_prefix() - config.n_registers; at < config.n_prefix();
       ++at) {
    registers.positions.push_back(at);
  }
  return make_intervention(
      "replace_tokens",
      {.site = "blocks.*.resid_pre",
       .select = std::move(registers),
       .vectors = means.means});
}

} // namespace ma
