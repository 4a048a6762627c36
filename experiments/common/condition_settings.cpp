// Reading the rows of an ablation's table.
#include "experiments/common/condition_settings.h"

#include <set>

#include "experiments/common/unique_names.h"

#include "libma/interventions/intervention_yaml.h"

namespace ma::experiments {
namespace {

/// Numbers, and tokens by their roles, which join `named`.
std::vector<std::int64_t> read_positions(
    const Yaml& yaml, std::vector<NamedToken>& named) {
  std::vector<std::int64_t> positions;
  for (const Yaml& item : yaml.items()) {
    if (item.holds<std::int64_t>()) {
      positions.push_back(item.as<std::int64_t>());
      continue;
    }
    const auto role = item.as<std::string>();
    if (role.starts_with("patch:") && role.find(',') == std::string::npos) {
      throw item.error(
          "expected a patch's row and column, got '" + role +
          "'; put it in quotes, 'patch:3,4', or the comma ends it");
    }
    named.push_back(
        {.index = positions.size(), .role = role, .where = item.place()});
    positions.push_back(0);
  }
  return positions;
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
      yaml,
      {.magnitude = found_by.magnitude, .ratio = found_by.ratio},
      [&](const Yaml& positions) {
        return read_positions(positions, settings.named);
      });
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
  settings.where = yaml.place();
  if (const auto means = yaml.find("fix_registers")) {
    settings.register_means = means->as<std::string>();
    return settings;
  }
  settings.kind = yaml.get_or<std::string>("kind", "set_value");
  intervention_registry().get(settings.kind, yaml.place());
  settings.layer = read_layers(
      yaml, "layer", {LayerChoice::Kind::kAuto, LayerChoice::Kind::kAll});
  settings.site = yaml.get_or<std::string>("site", "resid_post");
  settings.select = read_select(yaml, found_by);
  read_value(yaml, settings);
  if (settings.is_mean && settings.site != "resid_post") {
    throw yaml["value"].error(
        "means are measured at resid_post; give a number at " + settings.site);
  }
  read_edit_options(yaml, settings.numbers);
  return settings;
}

} // namespace

std::vector<ConditionSettings> read_conditions(
    const Yaml& config, const MassiveCriterion& found_by) {
  std::vector<ConditionSettings> conditions;
  std::set<std::string> names;
  for (const Yaml& condition : config["conditions"].items()) {
    conditions.push_back(read_condition(condition, found_by));
    require_new(condition, conditions.back().name, names);
  }
  if (conditions.empty()) {
    throw config["conditions"].error("is empty; list at least original");
  }
  return conditions;
}

} // namespace ma::experiments
