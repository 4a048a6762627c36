// Numbers and words.
#include "experiments/common/layer_settings.h"

#include <algorithm>
#include <utility>

#include "libma/core/check_index.h"
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

} // namespace

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
    return {.kind = Kind::kListed, .layers = std::move(layers)};
  }
  if (given && given->holds<std::int64_t>()) {
    return {.kind = Kind::kListed, .layers = {given->as<std::int64_t>(range)}};
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

void check_layers(
    std::string_view where,
    const std::vector<std::int64_t>& layers,
    std::int64_t n_layers) {
  for (const std::int64_t layer : layers) {
    check_index(where, "block", std::max<std::int64_t>(layer, 0), n_layers);
  }
}

std::optional<std::int64_t> read_index(
    const Yaml& yaml, const std::string& key) {
  const auto given = yaml.find(key);
  if (given && given->holds<std::int64_t>()) {
    return given->as<std::int64_t>(at_least(0));
  }
  if (yaml.get_or<std::string>(key, "auto") != "auto") {
    throw yaml[key].error("expected a number from 0, or auto");
  }
  return std::nullopt;
}

} // namespace ma::experiments
