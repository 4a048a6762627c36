// The kinds, their options, and what they start from.
#include "libma/eval/sweeps.h"

#include <algorithm>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/eval/sweep_context.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace sweeps {

std::string after_block(std::int64_t block) {
  return block_site(block, "resid_post");
}

std::int64_t Context::n_blocks() const {
  return static_cast<std::int64_t>(profile.layers.size());
}

Intervention Context::to_value(
    const Selection& select, std::int64_t block, double value) const {
  return make_intervention(
      "set_value",
      {.site = after_block(block), .select = select, .value = value});
}

Intervention Context::to_means(
    const Selection& select,
    std::int64_t block,
    const torch::Tensor& means) const {
  return make_intervention(
      "set_value",
      {.site = after_block(block), .select = select, .means = means});
}

Intervention Context::to_mean(
    const Selection& select, std::int64_t block) const {
  return to_means(select, block, profile.means_for(select));
}

Intervention Context::edit(const Selection& select, std::int64_t block) const {
  return options.is_mean ? to_mean(select, block)
                         : to_value(select, block, options.value.value_or(0));
}

double Context::mean_in(
    const torch::Tensor& means, std::int64_t position) const {
  return means[target.block][position][target.selection.dims.front()]
      .item<double>();
}

} // namespace sweeps

namespace {

using sweeps::Context;
using sweeps::kWhere;

struct Kind {
  const char* name;
  Sweep (*make)(const Context& context);
  std::vector<std::string> options; ///< those it takes beside `top`
  bool needs_positions;             ///< of the entries
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {"blocks", sweeps::make_blocks, {"value", "is_mean"}, false},
      {"spans", sweeps::make_spans, {"value", "is_mean"}, false},
      {"scale", sweeps::make_scale, {"factors"}, false},
      {"places", sweeps::make_places, {"value", "is_mean"}, false},
      {"tokens", sweeps::make_tokens, {}, true},
      {"restore", sweeps::make_restore, {"value", "is_mean", "after"}, false},
      {"mean_from", sweeps::make_mean_from, {"means"}, true},
      {"mean_of", sweeps::make_mean_of, {}, true}};
  return all;
}

const Kind& find_kind(const std::string& name, std::string_view where) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name) {
      return kind;
    }
  }
  throw UnknownNameError(where, "kind of sweep", name, sweep_kinds());
}

void check_options(const Kind& kind, const SweepOptions& options) {
  for (const auto& [name, is_given] :
       {std::pair("value", options.value.has_value()),
        std::pair("is_mean", options.is_mean),
        std::pair("factors", !options.factors.empty()),
        std::pair("after", !options.after.empty()),
        std::pair("means", !options.means.empty())}) {
    const auto& taken = kind.options;
    if (is_given &&
        std::find(taken.begin(), taken.end(), name) == taken.end()) {
      throw ConfigError(
          kWhere,
          c10::str(
              "option '",
              name,
              "' is not one of '",
              kind.name,
              "'; it takes ",
              taken.empty() ? std::string("none") : join(taken)));
    }
  }
  if (options.value && options.is_mean) {
    throw ConfigError(kWhere, "give either a value or the mean, not both");
  }
  if (options.top < 0) {
    throw ConfigError(
        kWhere,
        c10::str(
            "expected a number of sites, or 0 for all, got ", options.top));
  }
}

/// What to edit; `places` finds its own.
EditTarget target_of(
    const Kind& kind,
    const MassiveProfile& profile,
    const SweepOptions& options) {
  if (kind.make == sweeps::make_places) {
    return {};
  }
  const auto& sites = profile.sites;
  const bool has_own =
      std::any_of(sites.begin(), sites.end(), [&](const MassiveSite& site) {
        return profile.position_of(site.token_class) >= 0;
      });
  if (options.top > 0 && !has_own) {
    throw ConfigError(
        kWhere,
        "no massive entry is at a token with a position of its own, such as "
        "the starting one; set 'top' to 0 to edit them wherever they are");
  }
  EditTarget target = edit_target(profile, options.top);
  if (kind.needs_positions && !target.has_positions()) {
    throw ConfigError(
        kWhere,
        c10::str(
            "'",
            kind.name,
            "' needs entries at one token with a position of its own; give "
            "'top' to take the strongest of them"));
  }
  return target;
}

} // namespace

std::vector<std::string> sweep_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) {
    names.emplace_back(kind.name);
  }
  return names;
}

std::vector<std::string> sweep_options(
    const std::string& kind, std::string_view where) {
  return find_kind(kind, where).options;
}

Sweep make_sweep(const MassiveProfile& profile, const SweepOptions& options) {
  const Kind& kind = find_kind(options.kind, kWhere);
  check_options(kind, options);
  const Context context{profile, options, target_of(kind, profile, options)};
  Sweep sweep = kind.make(context);
  if (sweep.rows.empty()) {
    throw ConfigError(
        kWhere,
        c10::str(
            "'", kind.name, "' has no rows: ", join(sweep.left_out, "; ")));
  }
  return sweep;
}

} // namespace ma
