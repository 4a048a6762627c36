// Tables with one row a model, or a model's own tables one below another.
#include <algorithm>
#include <set>

#include "libma/analysis/comparison.h"
#include "libma/analysis/massive_tables.h"
#include "libma/core/names.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kMillion = 1e6;
constexpr std::size_t kFoundCells = 10; // of found_cells

std::string yes_or_no(bool is_so) {
  return is_so ? "yes" : "no";
}

bool has_profile(const ModelSummary& model) {
  return !model.profile.layers.empty();
}

/// The block at which a model is described: where its first site peaks.
const LayerMagnitudes& peak_of(const MassiveProfile& profile) {
  const auto layer = profile.sites.front().peak_layer;
  return profile.layers.at(static_cast<std::size_t>(layer));
}

/// Each word once, in order of first appearance.
std::vector<std::string> distinct(const std::vector<std::string>& words) {
  std::set<std::string> seen;
  std::vector<std::string> kept;
  for (const std::string& word : words) {
    if (seen.insert(word).second) {
      kept.push_back(word);
    }
  }
  return kept;
}

/// What stands at the sites, strongest first; in parentheses when nothing is
/// massive.
template <class Describe>
std::vector<std::string> over_sites(
    const MassiveProfile& profile, const Describe& describe) {
  std::vector<std::string> words;
  words.reserve(profile.sites.size());
  for (const MassiveSite& site : profile.sites) {
    words.push_back(describe(site));
  }
  return distinct(words);
}

std::string shown(const MassiveProfile& profile, const std::string& words) {
  return profile.meets_criterion ? words : "(" + words + ")";
}

/// [first, last] block of any site.
std::pair<std::int64_t, std::int64_t> block_span(
    const MassiveProfile& profile) {
  auto span = std::pair(
      profile.sites.front().first_layer, profile.sites.front().last_layer);
  for (const MassiveSite& site : profile.sites) {
    span.first = std::min(span.first, site.first_layer);
    span.second = std::max(span.second, site.last_layer);
  }
  return span;
}

std::vector<std::string> dims_of(const MassiveProfile& profile) {
  return over_sites(
      profile, [](const auto& site) { return std::to_string(site.dim); });
}

std::vector<std::string> massive_dims(const MassiveProfile& profile) {
  return profile.meets_criterion ? dims_of(profile)
                                 : std::vector<std::string>();
}

/// Those of `words` that are, or are not, in `others`.
std::vector<std::string> common(
    const std::vector<std::string>& words,
    const std::vector<std::string>& others,
    bool wanted) {
  std::vector<std::string> kept;
  for (const std::string& word : words) {
    const bool is_there =
        std::find(others.begin(), others.end(), word) != others.end();
    if (is_there == wanted) {
      kept.push_back(word);
    }
  }
  return kept;
}

/// First block after which anything is massive.
Cell first_block(const MassiveProfile& profile) {
  return profile.meets_criterion ? Cell(block_span(profile).first) : Cell();
}

std::vector<Cell> found_cells(const MassiveProfile& profile) {
  const auto dims = dims_of(profile);
  const auto classes = over_sites(profile, [](const auto& site) {
    return std::string(token_class_name(site.token_class));
  });
  const auto span = block_span(profile);
  const LayerMagnitudes& peak = peak_of(profile);
  const bool met = profile.meets_criterion;
  return {
      yes_or_no(met),
      met ? static_cast<std::int64_t>(dims.size()) : std::int64_t{0},
      first_block(profile),
      met ? Cell(span.second) : Cell(),
      peak.layer,
      peak.top[0],
      peak.median,
      peak.max_over_median,
      shown(profile, join(dims)),
      shown(profile, join(classes))};
}

std::vector<Column> comparison_columns(bool has_failures) {
  std::vector<Column> columns = {
      {.name = "model"},
      {.name = "architecture"},
      index_column("blocks"),
      index_column("d_model"),
      {.name = "parameters", .unit = "M", .digits = 3},
      {.name = "BOS"},
      {.name = "massive"},
      index_column("massive dims"),
      index_column("first block (0-based)"),
      index_column("last block (0-based)"),
      index_column("peak block (0-based)"),
      {.name = "top 1", .digits = 4},
      {.name = "median", .digits = 3},
      {.name = "top 1 / median", .digits = 4},
      {.name = "dims"},
      {.name = "token classes"}};
  if (has_failures) {
    columns.push_back({.name = "failed"});
  }
  return columns;
}

} // namespace

Table comparison_table(const std::vector<ModelSummary>& models) {
  const bool has_failures =
      std::any_of(models.begin(), models.end(), [](const auto& model) {
        return !model.failure.empty();
      });
  Table table(comparison_columns(has_failures));
  for (const ModelSummary& model : models) {
    std::vector<Cell> row = {model.label};
    if (has_profile(model)) {
      row.insert(
          row.end(),
          {model.architecture,
           model.n_layers,
           model.d_model,
           static_cast<double>(model.n_parameters) / kMillion,
           yes_or_no(model.has_bos)});
      const auto found = found_cells(model.profile);
      row.insert(row.end(), found.begin(), found.end());
    } else {
      row.insert(row.end(), 4, Cell());
      row.emplace_back(yes_or_no(model.has_bos));
      row.insert(row.end(), kFoundCells, Cell());
    }
    if (has_failures) {
      row.push_back(model.failure.empty() ? Cell() : Cell(model.failure));
    }
    table.add_row(std::move(row));
  }
  return table;
}

Table comparison_sites_table(const std::vector<ModelSummary>& models) {
  std::vector<TablePart> parts;
  for (const ModelSummary& model : models) {
    if (has_profile(model)) {
      parts.push_back(
          {{model.label, yes_or_no(model.profile.meets_criterion)},
           sites_table(model.profile)});
    }
  }
  return stack_tables({{.name = "model"}, {.name = "massive"}}, parts);
}

Table comparison_layers_table(const std::vector<ModelSummary>& models) {
  std::vector<TablePart> parts;
  for (const ModelSummary& model : models) {
    if (has_profile(model)) {
      parts.push_back({{model.label}, layers_table(model.profile)});
    }
  }
  return stack_tables({{.name = "model"}}, parts);
}

Table pairs_table(const std::vector<ModelSummary>& models) {
  Table table(
      {{.name = "model"},
       {.name = "base"},
       {.name = "dims of both"},
       {.name = "dims of the base alone"},
       {.name = "dims of the model alone"},
       index_column("base: first block (0-based)"),
       index_column("model: first block (0-based)"),
       {.name = "base: top 1", .digits = 4},
       {.name = "model: top 1", .digits = 4}});
  for (const ModelSummary& model : models) {
    const auto base =
        std::find_if(models.begin(), models.end(), [&](const auto& other) {
          return other.label == model.base && has_profile(other);
        });
    if (model.base.empty() || base == models.end() || !has_profile(model)) {
      continue;
    }
    const auto dims = massive_dims(model.profile);
    const auto base_dims = massive_dims(base->profile);
    table.add_row(
        {model.label,
         base->label,
         join(common(base_dims, dims, /*wanted=*/true)),
         join(common(base_dims, dims, /*wanted=*/false)),
         join(common(dims, base_dims, /*wanted=*/false)),
         first_block(base->profile),
         first_block(model.profile),
         peak_of(base->profile).top[0],
         peak_of(model.profile).top[0]});
  }
  return table;
}

Table magnitudes_table(const std::vector<ModelSummary>& models) {
  Table table(
      {{.name = "model"},
       block_column(),
       layer_column(),
       {.name = "top 1"},
       {.name = "top 2"},
       {.name = "top 3"},
       {.name = "top 4"},
       {.name = "top 5"},
       {.name = "top 1 %", .digits = 4},
       {.name = "top 10 %", .digits = 4},
       {.name = "median", .digits = 4}});
  for (const ModelSummary& model : models) {
    if (!has_profile(model)) {
      continue;
    }
    const LayerMagnitudes& peak = peak_of(model.profile);
    std::vector<Cell> row = {model.label, peak.layer, peak.layer + 1};
    row.insert(row.end(), peak.top.begin(), peak.top.end());
    row.insert(
        row.end(), {peak.top_1_percent, peak.top_10_percent, peak.median});
    table.add_row(std::move(row));
  }
  return table;
}

} // namespace ma
