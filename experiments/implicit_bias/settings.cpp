// The keys of an implicit_bias YAML file.
#include "experiments/implicit_bias/settings.h"

#include <set>

namespace ma::experiments {
namespace {

/// A block (0-based), or `auto`.
std::optional<std::int64_t> read_block(
    const Yaml& yaml, const std::string& key) {
  const auto block = yaml.find(key);
  if (block && block->holds<std::int64_t>()) {
    return block->as<std::int64_t>(at_least(0));
  }
  if (yaml.get_or<std::string>(key, "auto") != "auto") {
    throw block->error("expected a block (0-based) or auto");
  }
  return std::nullopt;
}

} // namespace

ImplicitBiasSettings read_implicit_bias_settings(const Yaml& config) {
  ImplicitBiasSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  const auto bias = config.section("bias");
  settings.bias.bias.null_sets = bias.get_or<std::int64_t>(
      "null_sets", ImplicitBiasOptions{}.null_sets, at_least(0));
  settings.bias.tokens_per_pass = bias.get_or<std::int64_t>(
      "tokens_per_pass", ImplicitBiasPass{}.tokens_per_pass, at_least(1));
  const auto replace = config.section("replace");
  settings.first_block = read_block(replace, "first_block");
  settings.last_block = read_block(replace, "last_block");
  if (const auto evaluate = config.find("evaluate")) {
    std::set<std::string> columns;
    for (const Yaml& task : (*evaluate)["perplexity"].items()) {
      settings.perplexity.push_back(read_perplexity(task));
      require_new(task, settings.perplexity.back().name, columns);
    }
  }
  settings.tokens_per_pass =
      config.get_or<std::int64_t>("tokens_per_pass", 0, at_least(0));
  settings.prompt =
      config.get_or<std::string>("prompt", "Summer is warm. Winter is cold.\n");
  return settings;
}

} // namespace ma::experiments
