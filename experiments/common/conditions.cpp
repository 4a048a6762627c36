// Discovered blocks, entries, counts and means put into interventions.
#include "experiments/common/conditions.h"

#include "libma/analysis/edit_target.h"
#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma::experiments {
namespace {

/// How many sites the table's first massive condition edits: what a control
/// matches.
std::int64_t first_site_count(const std::vector<ConditionSettings>& settings) {
  for (const ConditionSettings& condition : settings) {
    if (!condition.kind.empty() && condition.select.is_massive) {
      return condition.select.n_sites;
    }
  }
  return 0;
}

std::vector<std::string> sites_of(
    const ConditionSettings& settings, const EditTarget& target) {
  switch (settings.layer.kind) {
    case LayerChoice::Kind::kAuto:
      return {block_site(target.block, settings.site)};
    case LayerChoice::Kind::kAll:
      return {"blocks.*." + settings.site};
    case LayerChoice::Kind::kNone:
    case LayerChoice::Kind::kListed:
      break;
  }
  std::vector<std::string> sites;
  sites.reserve(settings.layer.layers.size());
  for (const std::int64_t layer : settings.layer.layers) {
    sites.push_back(block_site(layer, settings.site));
  }
  return sites;
}

std::vector<Intervention> make_edits(
    const ConditionSettings& wanted,
    const MassiveProfile& profile,
    std::int64_t control_sites,
    const PositionOfRole& position_of) {
  const SelectionSettings& select = wanted.select;
  const EditTarget target =
      edit_target(profile, select.is_massive ? select.n_sites : control_sites);
  InterventionOptions options = wanted.numbers;
  options.select = select.is_massive ? target.selection : select.selection;
  for (const NamedToken& token : select.named) {
    options.select.positions[token.index] =
        position_of(token.role, token.where);
  }
  if (select.has_discovered_count) {
    options.select.count = target.count;
  }
  if (wanted.is_mean) {
    options.means = profile.means_for(options.select);
  }
  const auto sites = sites_of(wanted, target);
  std::vector<Intervention> edits;
  edits.reserve(sites.size());
  for (const std::string& site : sites) {
    options.site = site;
    edits.push_back(make_intervention(wanted.kind, options));
  }
  return edits;
}

} // namespace

void check_blocks(
    const std::vector<ConditionSettings>& settings, std::int64_t n_layers) {
  for (const ConditionSettings& wanted : settings) {
    check_layers(wanted.layer, n_layers);
  }
}

void check_sites(
    const std::vector<ConditionSettings>& settings, const HookedModel& model) {
  check_blocks(settings, model.config().n_layers);
  for (const ConditionSettings& wanted : settings) {
    if (wanted.kind.empty()) {
      continue;
    }
    model.hooks().matching(
        "blocks.*." + wanted.site); // throws when there is none
  }
}

void check_tokens(
    const std::vector<ConditionSettings>& settings,
    const PositionOfRole& position_of) {
  for (const ConditionSettings& wanted : settings) {
    for (const NamedToken& token : wanted.select.named) {
      position_of(token.role, token.where);
    }
  }
}

std::vector<Condition> make_conditions(
    const std::vector<ConditionSettings>& settings,
    const MassiveProfile& profile,
    const PositionOfRole& position_of) {
  const std::int64_t control_sites = first_site_count(settings);
  std::vector<Condition> conditions;
  for (const ConditionSettings& wanted : settings) {
    Condition condition{.name = wanted.name, .edits = {}};
    if (!wanted.kind.empty()) {
      try {
        condition.edits =
            make_edits(wanted, profile, control_sites, position_of);
      } catch (const ConfigError& error) {
        throw ConfigError(
            wanted.where, "condition " + wanted.name + ": " + error.what());
      }
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

} // namespace ma::experiments
