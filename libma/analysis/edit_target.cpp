// From sites to a selection.
#include "libma/analysis/edit_target.h"

#include <algorithm>

namespace ma {

EditTarget edit_target(const MassiveProfile& profile, std::int64_t n_sites) {
  const auto& sites = profile.sites;
  const auto has_position = [&](const MassiveSite& site) {
    return profile.position_of(site.token_class) >= 0;
  };
  const auto stands_there = [&](const MassiveSite& site) {
    return has_position(site) && site.token_class == sites.front().token_class;
  };
  if (n_sites > 0 || std::all_of(sites.begin(), sites.end(), stands_there)) {
    const Selection top = profile.top(n_sites);
    const auto first = std::find_if(sites.begin(), sites.end(), has_position);
    return {
        .selection = top,
        .block = first->first_layer,
        .last_block = first->last_layer,
        .count =
            static_cast<std::int64_t>(top.positions.size() * top.dims.size())};
  }
  const std::int64_t last_block = sites.front().last_layer;
  if (!profile.meets_criterion) {
    Selection largest{.kind = SelectionKind::kTopK};
    largest.count = 1;
    return {
        .selection = largest,
        .block = profile.edit_layer,
        .last_block = last_block};
  }
  std::int64_t hits = 0; // over all calibration sequences
  for (const MassiveSite& site : sites) {
    hits += site.count;
  }
  return {
      .selection = profile.massive(),
      .block = profile.edit_layer,
      .last_block = last_block,
      .count = std::max<std::int64_t>(1, hits / profile.n_sequences)};
}

} // namespace ma
