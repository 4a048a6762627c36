// Discovered blocks, entries, counts and means put into interventions.
#include "experiments/ablation/conditions.h"

#include <algorithm>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma::experiments {
namespace {

std::int64_t n_entries(const Selection& selection) {
  return static_cast<std::int64_t>(
      selection.positions.size() * selection.dims.size());
}

bool is_at_start_only(const MassiveProfile& profile) {
  return std::all_of(
      profile.sites.begin(), profile.sites.end(), [](const MassiveSite& site) {
        return site.token_class == TokenClass::kStart;
      });
}

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

Selection make_selection(
    const SelectionSettings& settings,
    const MassiveProfile& profile,
    std::int64_t control_sites) {
  if (settings.is_massive) {
    return settings.n_sites == 0 && !is_at_start_only(profile)
               ? profile.massive()
               : profile.top(settings.n_sites);
  }
  Selection selection = settings.selection;
  if (settings.has_discovered_count) {
    selection.count = n_entries(profile.top(control_sites));
  }
  return selection;
}

std::vector<std::string> sites_of(
    const ConditionSettings& settings, const MassiveProfile& profile) {
  const auto n_layers = static_cast<std::int64_t>(profile.layers.size());
  switch (settings.layer.kind) {
    case LayerChoice::Kind::kAuto:
      return {block_site(profile.edit_layer, settings.site)};
    case LayerChoice::Kind::kAll:
      return {"blocks.*." + settings.site};
    case LayerChoice::Kind::kListed:
      break;
  }
  std::vector<std::string> sites;
  for (const std::int64_t layer : settings.layer.layers) {
    if (layer >= n_layers) {
      throw ConfigError(
          settings.name,
          c10::str(
              "layer ",
              layer,
              " does not exist; the model has blocks 0 to ",
              n_layers - 1));
    }
    sites.push_back(block_site(layer, settings.site));
  }
  return sites;
}

} // namespace

std::vector<Condition> make_conditions(
    const std::vector<ConditionSettings>& settings,
    const MassiveProfile& profile) {
  const std::int64_t control_sites = first_site_count(settings);
  std::vector<Condition> conditions;
  for (const ConditionSettings& wanted : settings) {
    Condition condition{.name = wanted.name, .edits = {}};
    if (!wanted.kind.empty()) {
      InterventionOptions options;
      options.select = make_selection(wanted.select, profile, control_sites);
      options.value = wanted.value;
      options.factor = wanted.factor;
      options.low = wanted.low;
      options.high = wanted.high;
      if (wanted.is_mean) {
        options.means = profile.means_for(options.select);
      }
      for (const std::string& site : sites_of(wanted, profile)) {
        options.site = site;
        condition.edits.push_back(make_intervention(wanted.kind, options));
      }
    }
    conditions.push_back(std::move(condition));
  }
  return conditions;
}

} // namespace ma::experiments
