// The keys of an ablation's YAML file.
#include "experiments/ablation/settings.h"

#include <filesystem>
#include <set>

#include "libma/eval/protocols.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma::experiments {
namespace {

const std::vector<std::pair<std::string, DocumentMode>> kDocumentModes = {
    {"rows", DocumentMode::kRows},
    {"wikitext_pages", DocumentMode::kWikitextPages}};

/// `auto`, `all`, a block or a list of blocks.
LayerChoice read_layer(const Yaml& condition) {
  const auto yaml = condition.find("layer");
  if (!yaml ||
      (yaml->holds<std::string>() && yaml->as<std::string>() == "auto")) {
    condition.get_or<std::string>("layer", "auto");
    return {};
  }
  if (yaml->is_list()) {
    LayerChoice choice{.kind = LayerChoice::Kind::kListed};
    choice.layers = yaml->as<std::vector<std::int64_t>>(at_least(0));
    if (choice.layers.empty()) {
      throw yaml->error("is empty; name at least one block");
    }
    return choice;
  }
  if (yaml->holds<std::int64_t>()) {
    return {
        .kind = LayerChoice::Kind::kListed,
        .layers = {yaml->as<std::int64_t>(at_least(0))}};
  }
  if (yaml->as<std::string>() == "all") {
    return {.kind = LayerChoice::Kind::kAll};
  }
  throw yaml->error(
      "expected auto, all, a block (0-based) or a list of blocks, got '" +
      yaml->as<std::string>() + "'");
}

/// A word (`massive`), or a map with the details (`{kind: massive, top: 1}`).
/// As many entries as are massive unless `count` says how many.
SelectionSettings read_select(
    const Yaml& condition, const MassiveCriterion& found_by) {
  const Yaml yaml = condition["select"];
  const auto kind =
      yaml.is_map() ? yaml.get<std::string>("kind") : yaml.as<std::string>();
  SelectionSettings settings;
  if (kind == "massive") {
    settings.is_massive = true;
    settings.n_sites =
        yaml.is_map() ? yaml.get_or<std::int64_t>("top", 0, at_least(0)) : 0;
    return settings;
  }
  settings.selection = read_selection(
      yaml, {.magnitude = found_by.magnitude, .ratio = found_by.ratio});
  settings.has_discovered_count =
      needs_count(settings.selection.kind) && settings.selection.count == 0;
  return settings;
}

void read_value(const Yaml& condition, ConditionSettings& settings) {
  const auto value = condition.find("value");
  if (!value) {
    return;
  }
  settings.is_mean = value->holds<std::string>() && !value->holds<double>() &&
                     value->as<std::string>() == "mean";
  if (!settings.is_mean) {
    if (!value->holds<double>()) {
      throw value->error(
          "expected a number or mean, got '" + value->as<std::string>() + "'");
    }
    settings.numbers.value = value->as<double>();
  }
}

ConditionSettings read_condition(
    const Yaml& yaml, const MassiveCriterion& found_by) {
  ConditionSettings settings;
  if (!yaml.is_map()) {
    if (yaml.as<std::string>() != "original") {
      throw yaml.error(
          "expected original or a map with name, select and value, got '" +
          yaml.as<std::string>() + "'");
    }
    settings.name = "original";
    return settings;
  }
  settings.name = yaml.get<std::string>("name");
  settings.kind = yaml.get_or<std::string>("kind", "set_value");
  intervention_registry().get(settings.kind, yaml.place());
  settings.layer = read_layer(yaml);
  settings.site = yaml.get_or<std::string>("site", "resid_post");
  settings.select = read_select(yaml, found_by);
  read_value(yaml, settings);
  if (settings.is_mean && settings.site != "resid_post") {
    throw yaml["value"].error(
        "means are measured at resid_post; give a number at " + settings.site);
  }
  read_edit_bounds(yaml, settings.numbers);
  return settings;
}

/// "paper-2048": the protocol and its window, where it has a choice of them.
std::string heading(const ProtocolInfo& protocol, std::int64_t window) {
  const auto tokens = window > 0 ? window : protocol.window;
  return tokens > 0 && !protocol.is_window_fixed
             ? protocol.name + "-" + std::to_string(tokens)
             : protocol.name;
}

PerplexitySettings read_perplexity(const Yaml& yaml) {
  PerplexitySettings settings;
  settings.task = yaml.get<std::string>("task");
  WindowOptions& windows = settings.windows;
  windows.protocol = yaml.get_or<std::string>("protocol", "paper");
  const Protocol& protocol = find_protocol(windows.protocol);
  const auto bos = yaml.get_or<std::string>(
      "bos", std::string(bos_profile_name(protocol.info.bos)));
  windows.bos = parse_bos_profile(bos, yaml.place());
  windows.window = yaml.get_or<std::int64_t>("window", 0, at_least(0));
  settings.name = yaml.get_or<std::string>(
      "name",
      std::filesystem::path(settings.task).stem().string() + " " +
          heading(protocol.info, windows.window));
  windows.stride = yaml.get_or<std::int64_t>("stride", 0, at_least(0));
  windows.max_windows =
      yaml.get_or<std::int64_t>("max_windows", 0, at_least(0));
  if (protocol.cuts_each_document) {
    windows.max_documents =
        yaml.get_or<std::int64_t>("max_documents", 0, at_least(0));
    settings.documents = yaml.get_choice("documents", kDocumentModes);
  }
  return settings;
}

ZeroShotSettings read_zero_shot(const Yaml& yaml) {
  ZeroShotSettings settings;
  settings.tasks = yaml.get<std::vector<std::string>>("tasks");
  if (settings.tasks.empty()) {
    throw yaml["tasks"].error("is empty; name at least one task");
  }
  settings.profile = parse_bos_profile(
      yaml.get_or<std::string>("profile", "lm-eval-current"), yaml.place());
  settings.limit = yaml.get_or<std::optional<std::int64_t>>(
                           "limit", std::nullopt, at_least(1))
                       .value_or(0);
  return settings;
}

/// `zero_shot`: one map, or a list of them with different limits.
std::vector<ZeroShotSettings> read_zero_shots(const Yaml& evaluate) {
  std::vector<ZeroShotSettings> settings;
  const auto yaml = evaluate.find("zero_shot");
  if (yaml && yaml->is_list()) {
    for (const Yaml& item : yaml->items()) {
      settings.push_back(read_zero_shot(item));
    }
  } else if (yaml) {
    settings.push_back(read_zero_shot(*yaml));
  }
  return settings;
}

/// Rows and columns are told apart by their names.
void require_new(
    const Yaml& yaml, const std::string& name, std::set<std::string>& names) {
  if (!names.insert(name).second) {
    throw yaml.error(
        "the name '" + name + "' is taken; give each its own name");
  }
}

} // namespace

AblationSettings read_ablation_settings(const Yaml& config) {
  AblationSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  std::set<std::string> names;
  for (const Yaml& condition : config["conditions"].items()) {
    settings.conditions.push_back(
        read_condition(condition, settings.find.criterion));
    require_new(condition, settings.conditions.back().name, names);
  }
  if (settings.conditions.empty()) {
    throw config["conditions"].error("is empty; list at least original");
  }
  const Yaml evaluate = config["evaluate"];
  std::set<std::string> columns;
  if (const auto texts = evaluate.find("perplexity")) {
    for (const Yaml& task : texts->items()) {
      settings.perplexity.push_back(read_perplexity(task));
      require_new(task, settings.perplexity.back().name, columns);
    }
  }
  settings.zero_shot = read_zero_shots(evaluate);
  for (const ZeroShotSettings& group : settings.zero_shot) {
    for (const std::string& task : group.tasks) {
      require_new(
          evaluate["zero_shot"],
          std::filesystem::path(task).stem().string(),
          columns);
    }
  }
  if (columns.empty()) {
    throw evaluate.error(
        "has nothing to evaluate; give perplexity or zero_shot");
  }
  settings.tokens_per_pass =
      config.get_or<std::int64_t>("tokens_per_pass", 0, at_least(0));
  return settings;
}

} // namespace ma::experiments
