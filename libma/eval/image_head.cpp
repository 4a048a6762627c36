// Linear heads and prompts.
#include "libma/eval/image_head.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "libma/core/error.h"
#include "libma/io/safetensors.h"

namespace ma {
namespace {

constexpr std::size_t kTextsPerPass = 64;

torch::Tensor as_float(const torch::Tensor& x) {
  return x.to(torch::kCPU, torch::kFloat32);
}

/// Rows of length 1.
torch::Tensor normalized(const torch::Tensor& x) {
  return x / at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, true);
}

std::int64_t edge_token(const std::optional<std::int64_t>& id) {
  if (!id) {
    throw ConfigError(
        "tokenizer",
        "texts of a text tower stand between a BOS and an EOS, one of which "
        "this tokenizer does not have");
  }
  return *id;
}

/// Ids of `text` between BOS and EOS, int64 [pos], at most `limit`.
torch::Tensor framed_ids(
    const Tokenizer& tokenizer, const std::string& text, std::int64_t limit) {
  const auto bos = edge_token(tokenizer.bos_id());
  const auto eos = edge_token(tokenizer.eos_id());
  const auto ids = tokenizer.encode(text);
  return at::cat(
      {at::full({1}, bos, torch::kInt64),
       ids.slice(/*dim=*/0, 0, limit - 2),
       at::full({1}, eos, torch::kInt64)});
}

/// The patches of `features` [batch, pos, d_model]: the last tokens.
torch::Tensor patches_of(const VisionOutput& output) {
  const auto count = output.grid.count();
  if (count == 0) {
    throw ShapeError(
        "image head",
        "the output has no grid of patches; use forward, or the model that the "
        "head is for");
  }
  return output.features.slice(/*dim=*/1, output.features.size(1) - count);
}

/// Embeddings of rows of ids, [n, d_text], at the last id of each.
torch::Tensor embed_rows(
    const Model& model, const std::vector<torch::Tensor>& rows) {
  std::int64_t longest = 0;
  for (const auto& row : rows) {
    longest = std::max(longest, row.numel());
  }
  const auto n = static_cast<std::int64_t>(rows.size());
  auto ids = at::zeros({n, longest}, torch::kInt64); // [text, pos]
  auto is_real = at::zeros({n, longest}, torch::kBool);
  auto last = at::empty({n}, torch::kInt64);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto& row = rows[static_cast<std::size_t>(i)];
    ids[i].slice(/*dim=*/0, 0, row.numel()).copy_(row);
    is_real[i].slice(/*dim=*/0, 0, row.numel()).fill_(true);
    last[i] = i * longest + row.numel() - 1;
  }
  const TokenBatch batch(ids, is_real);
  const auto stream =
      model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
  return as_float(model.unembed(stream, last, batch));
}

/// `prompt` with each "{}" replaced by the name of a class.
std::string fill_template(const std::string& prompt, const std::string& name) {
  std::string words = name;
  std::replace(words.begin(), words.end(), '_', ' ');
  std::string filled = prompt;
  for (auto at = filled.find("{}"); at != std::string::npos;
       at = filled.find("{}", at + words.size())) {
    filled.replace(at, 2, words);
  }
  return filled;
}

void check_templates(const std::vector<std::string>& templates) {
  if (templates.empty()) {
    throw ConfigError("prompts", "there is none; give at least one template");
  }
  for (const std::string& prompt : templates) {
    if (prompt.find("{}") == std::string::npos) {
      throw ConfigError(
          "prompts", "'" + prompt + "' has no {}, the place of a class's name");
    }
  }
}

} // namespace

ImageHead read_linear_head(
    const std::filesystem::path& path, const VisionConfig& config) {
  if (!config.has_cls || config.has_pooled_norm) {
    throw ConfigError(
        path.string(),
        "a head from a file reads a class token behind the final norm, which "
        "this model does not have");
  }
  const auto d_model = config.d_model;
  const auto file = SafetensorsFile::open(path);
  for (const char* name : {"weight", "bias"}) {
    if (!file.tensors().contains(name)) {
      throw FileError(
          path.string(),
          c10::str("has no tensor '", name, "'; a head is weight and bias"));
    }
  }
  const auto weight = file.load("weight", torch::kFloat32);
  const auto bias = file.load("bias", torch::kFloat32);
  const bool is_matrix =
      weight.dim() == 2 && bias.dim() == 1 && weight.size(0) == bias.size(0);
  const auto width = is_matrix ? weight.size(1) : 0;
  if (width != d_model && width != 2 * d_model) {
    throw ConfigError(
        path.string(),
        c10::str(
            "weight ",
            weight.sizes(),
            " and bias ",
            bias.sizes(),
            " are no head of a model of width ",
            d_model,
            "; expected [class, ",
            d_model,
            "] or [class, ",
            2 * d_model,
            "]"));
  }
  const bool reads_patches = width == 2 * d_model;
  return {
      .n_classes = weight.size(0), .logits = [=](const VisionOutput& output) {
        auto input = as_float(output.features.select(/*dim=*/1, 0));
        if (reads_patches) {
          const auto patches = as_float(patches_of(output));
          input = at::cat({input, patches.mean(/*dim=*/1)}, /*dim=*/1);
        }
        return at::linear(input, weight, bias);
      }};
}

torch::Tensor embed_texts(
    const Model& model, const std::vector<std::string>& texts) {
  if (model.config().d_text == 0) {
    throw ConfigError(
        "text model",
        "a " + model.config().architecture +
            " gives no embeddings of texts; load the folder of a CLIP model");
  }
  if (texts.empty()) {
    throw ShapeError("texts", "there is none to embed");
  }
  std::vector<torch::Tensor> parts;
  for (std::size_t first = 0; first < texts.size(); first += kTextsPerPass) {
    const auto last = std::min(first + kTextsPerPass, texts.size());
    std::vector<torch::Tensor> rows;
    rows.reserve(last - first);
    for (std::size_t i = first; i < last; ++i) {
      rows.push_back(framed_ids(
          model.tokenizer(), texts[i], model.config().max_positions));
    }
    parts.push_back(embed_rows(model, rows));
  }
  return at::cat(parts);
}

ImageHead make_prompt_head(
    const Model& text_model,
    const std::vector<std::string>& classes,
    const std::vector<std::string>& templates,
    const VisionConfig& config) {
  check_templates(templates);
  if (text_model.config().d_text != config.d_projected) {
    throw ConfigError(
        "prompts",
        c10::str(
            "texts have embeddings of width ",
            text_model.config().d_text,
            ", images of ",
            config.d_projected,
            "; both towers must be of one CLIP model"));
  }
  std::vector<std::string> prompts;
  prompts.reserve(classes.size() * templates.size());
  for (const std::string& name : classes) {
    std::transform(
        templates.begin(),
        templates.end(),
        std::back_inserter(prompts),
        [&](const std::string& prompt) { return fill_template(prompt, name); });
  }
  const auto n_classes = static_cast<std::int64_t>(classes.size());
  const auto embeddings = normalized(embed_texts(text_model, prompts));
  const auto weight = normalized(
      embeddings
          .view({n_classes, static_cast<std::int64_t>(templates.size()), -1})
          .mean(/*dim=*/1)); // [class, d_text]
  return {.n_classes = n_classes, .logits = [=](const VisionOutput& output) {
            const auto& projected = output.projected;
            if (!projected.defined() || projected.size(1) != weight.size(1)) {
              throw ShapeError(
                  "image head",
                  c10::str(
                      "prompts need projected vectors of width ",
                      weight.size(1),
                      "; use the vision tower of the same CLIP model"));
            }
            return at::linear(normalized(as_float(projected)), weight);
          }};
}

} // namespace ma
