// Sweeps over tokens and means.
#include <algorithm>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/table_columns.h"
#include "libma/eval/sweep_context.h"
#include "libma/interventions/composed.h"

namespace ma::sweeps {

Sweep make_places(const Context& context) {
  const MassiveProfile& profile = context.profile;
  Sweep sweep{.keys = {{.name = "massive entries"}}, .rows = {}};
  const auto add = [&](const std::string& name, Intervention edit) {
    sweep.rows.push_back({{name}, {name, {std::move(edit)}}});
  };
  const auto is_own = [&](const MassiveSite& site) {
    return profile.position_of(site.token_class) >= 0;
  };
  const auto block = profile.edit_layer;
  const auto is_other = [&](const MassiveSite& site) {
    return !is_own(site) && site.first_layer <= block &&
           block <= site.last_layer;
  };
  const auto& sites = profile.sites;
  const bool has_own = std::any_of(sites.begin(), sites.end(), is_own);
  if (has_own) { // all of them, whatever `top` is: rows are to be compared
    add("at the start", context.edit(profile.top(0), block));
  } else {
    sweep.left_out.emplace_back("at the start: nothing is massive there");
  }
  if (!profile.meets_criterion ||
      std::none_of(sites.begin(), sites.end(), is_other)) {
    sweep.left_out.push_back(
        c10::str(
            "elsewhere: nothing is massive after block ",
            block,
            " at tokens other than the start"));
    return sweep;
  }
  const auto everywhere = context.edit(profile.massive(), block);
  std::vector<std::int64_t> own(profile.own.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    own[i] = static_cast<std::int64_t>(i);
  }
  add("elsewhere", except_at(everywhere, own));
  if (has_own) {
    add("everywhere", everywhere);
  }
  return sweep;
}

Sweep make_tokens(const Context& context) {
  const auto& positions = context.target.selection.positions;
  const auto& dims = context.target.selection.dims;
  const std::int64_t block = context.target.block;
  Sweep sweep{.keys = {{.name = "what is set"}, {.name = "value"}}, .rows = {}};
  const auto add = [&](const std::string& what, const auto& make) {
    for (const bool is_mean : {false, true}) {
      const std::string value = is_mean ? "mean" : "0";
      sweep.rows.push_back(
          {{what, value}, {c10::str(what, " = ", value), {make(is_mean)}}});
    }
  };
  const auto set = [&](const Selection& select) {
    return [&context, select, block](bool is_mean) {
      return is_mean ? context.to_mean(select, block)
                     : context.to_value(select, block, 0);
    };
  };
  add("entry", set(context.target.selection));
  add("token, all dims", set(Selection::at(positions, {})));
  add("dim, all tokens", set(Selection::at({}, dims)));
  add("dim, other tokens", [&](bool is_mean) {
    return except_at(set(Selection::at({}, dims))(is_mean), positions);
  });
  return sweep;
}

Sweep make_mean_from(const Context& context) {
  if (context.options.means.empty()) {
    throw ConfigError(
        kWhere, "mean_from needs 'means'; calibration_means takes them");
  }
  const auto position = context.target.selection.positions.front();
  Sweep sweep{
      .keys = {index_column("sequences"), {.name = "mean"}}, .rows = {}};
  for (const auto& [count, means] : context.options.means) {
    if (means.dim() != 3 || means.sizes() != context.profile.means.sizes()) {
      throw ShapeError(
          kWhere,
          c10::str(
              "means over ",
              count,
              " sequences are ",
              means.sizes(),
              "; the model needs ",
              context.profile.means.sizes()));
    }
    sweep.rows.push_back(
        {{count, context.mean_in(means, position)},
         {c10::str("mean of ", count, count == 1 ? " sequence" : " sequences"),
          {context.to_means(
              context.target.selection, context.target.block, means)}}});
  }
  return sweep;
}

Sweep make_mean_of(const Context& context) {
  const auto& means = context.profile.means; // [layer, own + 1, d_model]
  const auto others = means.size(1) - 1;
  const auto own = context.target.selection.positions.front();
  Sweep sweep{.keys = {{.name = "mean of"}, {.name = "mean"}}, .rows = {}};
  for (const auto& [name, position] :
       {std::pair("the same position", own), std::pair("all others", others)}) {
    sweep.rows.push_back(
        {{std::string(name), context.mean_in(means, position)},
         {c10::str("mean of ", name),
          {context.to_means(
              context.target.selection,
              context.target.block,
              means.narrow(/*dim=*/1, position, 1))}}});
  }
  return sweep;
}

} // namespace ma::sweeps
