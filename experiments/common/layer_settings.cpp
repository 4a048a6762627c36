// Numbers and words.
#include "experiments/common/layer_settings.h"

#include <utility>

#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma::experiments {
namespace {

using Layers = std::vector<std::int64_t>;
using Kind = LayerChoice::Kind;

std::string word_of(Kind kind) {
  switch (kind) {
    case Kind::kAuto:
      return "auto";
    case Kind::kAll:
      return "all";
    case Kind::kNone:
      return "none";
    case Kind::kListed:
      break;
  }
  return {};
}

/// The blocks that the value of `key` names.
LayerChoice listed(const Yaml& key, Layers layers, std::int64_t lowest) {
  return {
      .kind = Kind::kListed,
      .layers = std::move(layers),
      .lowest = lowest,
      .key = key};
}

} // namespace

std::optional<std::int64_t> LayerChoice::single() const {
  return layers.empty() ? std::nullopt : std::optional(layers.front());
}

LayerChoice read_layers(
    const Yaml& yaml,
    const std::string& key,
    const std::vector<Kind>& words,
    std::int64_t lowest) {
  const auto range = at_least(static_cast<double>(lowest));
  const auto given = yaml.find(key);
  if (given && given->is_list()) {
    auto layers = given->as<Layers>(range);
    if (layers.empty()) {
      throw given->error("is empty; name at least one block");
    }
    return listed(*given, std::move(layers), lowest);
  }
  if (given && given->holds<std::int64_t>()) {
    return listed(*given, {given->as<std::int64_t>(range)}, lowest);
  }
  const auto word = yaml.get_or<std::string>(key, word_of(words.front()));
  std::vector<std::string> known;
  known.reserve(words.size());
  for (const Kind kind : words) {
    if (word == word_of(kind)) {
      return {.kind = kind};
    }
    known.push_back(word_of(kind));
  }
  throw yaml[key].error(
      "expected " + join(known) +
      ", a block (0-based) or a list of blocks, got '" + word + "'");
}

LayerChoice read_layer(const Yaml& yaml, const std::string& key) {
  const auto layer = read_index(yaml, key);
  return layer ? listed(yaml[key], {*layer}, /*lowest=*/0) : LayerChoice{};
}

void check_layers(const LayerChoice& choice, std::int64_t n_layers) {
  for (const std::int64_t layer : choice.layers) {
    TORCH_INTERNAL_ASSERT(choice.key.has_value());
    if (layer < choice.lowest || layer >= n_layers) {
      throw choice.key->error(
          c10::str(
              "there is no block ",
              layer,
              "; use ",
              choice.lowest,
              " to ",
              n_layers - 1));
    }
  }
}

std::optional<std::int64_t> read_index(
    const Yaml& yaml, const std::string& key) {
  const auto given = yaml.find(key);
  if (given && given->holds<std::int64_t>()) {
    return given->as<std::int64_t>(at_least(0));
  }
  const bool is_text = given && given->holds<std::string>();
  if (given && !(is_text && given->as<std::string>() == "auto")) {
    throw given->error(
        "expected an integer from 0, or auto" +
        (is_text ? ", got '" + given->as<std::string>() + "'" : ""));
  }
  yaml.get_or<std::string>(key, "auto");
  return std::nullopt;
}

} // namespace ma::experiments
