// Rows and columns.
#include "libma/analysis/magnitude_tables.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "libma/analysis/constancy.h"
#include "libma/analysis/massive_tables.h"
#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/core/table_columns.h"

namespace ma {
namespace {

constexpr double kPercent = 100;

std::vector<Cell> stream_cells(const StreamStats& stream) {
  return {stream.layer, stream.layer + 1};
}

std::string yes_or_no(bool value) {
  return value ? "yes" : "no";
}

/// How many of the mean largest magnitudes meet the criterion.
std::int64_t count_massive(
    const StreamStats& stream, const MassiveCriterion& criterion) {
  return std::count_if(
      stream.top.begin(), stream.top.end(), [&](const RunningStats& top) {
        return top.mean > criterion.magnitude &&
               top.mean > criterion.ratio * stream.median.mean;
      });
}

/// "11", "2, 1"; the stream before block 0 is "embedding".
std::string layer_names(const std::vector<std::int64_t>& layers) {
  std::vector<std::string> names;
  names.reserve(layers.size());
  for (const std::int64_t layer : layers) {
    names.push_back(layer < 0 ? "embedding" : c10::str(layer));
  }
  return join(names);
}

std::set<std::int64_t> massive_dims(const MassiveProfile& profile) {
  std::set<std::int64_t> dims;
  for (const MassiveSite& site : profile.sites) {
    if (profile.meets_criterion) {
      dims.insert(site.dim);
    }
  }
  return dims;
}

/// Cells of an emergence, but for the curve's name.
void append_emergence(std::vector<Cell>& cells, const Emergence& found) {
  cells.insert(
      cells.end(),
      {found.plateau,
       c10::str(found.first_layer, "-", found.last_layer),
       c10::str(found.first_layer + 1, "-", found.last_layer + 1),
       std::string(emergence_kind_name(found.kind)),
       layer_names({found.writers.front()}),
       kPercent * found.writer_share,
       layer_names(found.writers)});
  if (found.eraser >= 0) {
    cells.insert(
        cells.end(), {c10::str(found.eraser), kPercent * found.eraser_share});
  }
}

} // namespace

Table stream_table(const Magnitudes& magnitudes, std::int64_t top) {
  const auto most =
      static_cast<std::int64_t>(magnitudes.streams.front().top.size());
  if (top < 1 || top > most) {
    throw ConfigError(
        "magnitudes", c10::str("option 'top' is ", top, "; give 1 to ", most));
  }
  auto columns = with_block_columns();
  for (std::int64_t i = 1; i <= top; ++i) {
    columns.push_back({.name = c10::str("top ", i)});
    columns.push_back({.name = c10::str("top ", i, " std")});
  }
  for (const char* name : {"top 1 %", "top 10 %", "median"}) {
    columns.push_back({.name = name});
    columns.push_back({.name = c10::str(name, " std")});
  }
  columns.push_back(percent_column("massive in sequences", 0));
  Table table(std::move(columns));
  for (const StreamStats& stream : magnitudes.streams) {
    auto cells = stream_cells(stream);
    const auto add = [&cells](const RunningStats& stats) {
      cells.insert(cells.end(), {stats.mean, stats.std()});
    };
    std::for_each_n(stream.top.begin(), top, add);
    add(stream.top_1_percent);
    add(stream.top_10_percent);
    add(stream.median);
    cells.emplace_back(
        kPercent * static_cast<double>(stream.massive_sequences) /
        static_cast<double>(stream.median.count));
    table.add_row(std::move(cells));
  }
  return table;
}

Table largest_table(const Magnitudes& magnitudes) {
  auto columns = with_block_columns();
  for (std::size_t i = 1; i <= magnitudes.streams.front().top.size(); ++i) {
    columns.push_back({.name = c10::str("top ", i)});
  }
  columns.insert(
      columns.end(),
      {{.name = "top 1 %"},
       {.name = "top 10 %"},
       {.name = "median"},
       index_column("massive of the five")});
  Table table(std::move(columns));
  for (const StreamStats& stream : magnitudes.streams) {
    auto cells = stream_cells(stream);
    for (const RunningStats& top : stream.top) {
      cells.emplace_back(top.mean);
    }
    cells.insert(
        cells.end(),
        {stream.top_1_percent.mean,
         stream.top_10_percent.mean,
         stream.median.mean,
         count_massive(stream, magnitudes.options.criterion)});
    table.add_row(std::move(cells));
  }
  return table;
}

Table constancy_table(const Magnitudes& magnitudes, std::int64_t layer) {
  Table table(with_block_columns(
      {{.name = "token class"},
       {.name = "activation"},
       index_column("dim"),
       {.name = "mean"},
       {.name = "std"},
       index_column("n"),
       {.name = "std / |mean|", .digits = 3},
       {.name = "mean magnitude"},
       {.name = "magnitude of the rank"}}));
  for (const PlaceConstancy& place : constancy(magnitudes, layer)) {
    table.add_row(
        {layer,
         layer + 1,
         std::string(token_class_name(place.token_class)),
         place.activation,
         place.dim,
         place.mean,
         place.std,
         place.count,
         place.variation,
         place.magnitude,
         place.wanted});
  }
  return table;
}

Table locations_table(const Magnitudes& magnitudes) {
  Table table(
      {index_column("dim"),
       {.name = "token class"},
       {.name = "blocks (0-based)"},
       {.name = "layers (1-based)"},
       index_column("peak block"),
       index_column("hits"),
       {.name = "mean"},
       {.name = "std"},
       {.name = "min"},
       {.name = "max"},
       {.name = "max / median"},
       percent_column("sequences", 0),
       {.name = "massive"},
       {.name = "tokens"}});
  const MassiveProfile& profile = magnitudes.profile;
  for (const MassiveSite& site : profile.sites) {
    table.add_row(
        {site.dim,
         std::string(token_class_name(site.token_class)),
         c10::str(site.first_layer, "-", site.last_layer),
         c10::str(site.first_layer + 1, "-", site.last_layer + 1),
         site.peak_layer,
         site.count,
         site.mean,
         site.std,
         site.min,
         site.max,
         site.max_over_median,
         kPercent * site.sequence_share,
         yes_or_no(profile.meets_criterion),
         quote_texts(site.tokens)});
  }
  return table;
}

Table outlier_features_table(const Magnitudes& magnitudes, std::int64_t most) {
  Table table(
      {index_column("dim"),
       {.name = "massive"},
       {.name = "outlier feature"},
       percent_column("blocks"),
       percent_column("positions")});
  const auto massive = massive_dims(magnitudes.profile);
  auto features =
      outlier_features(magnitudes.outlier_counts, magnitudes.options.outliers);
  std::stable_sort(
      features.begin(),
      features.end(),
      [](const OutlierFeature& a, const OutlierFeature& b) {
        return a.position_share > b.position_share;
      });
  std::stable_partition(
      features.begin(), features.end(), [&](const OutlierFeature& feature) {
        return massive.contains(feature.dim);
      });
  for (const OutlierFeature& feature : features) {
    const bool is_massive = massive.contains(feature.dim);
    const auto others = static_cast<std::int64_t>(table.rows().size()) -
                        static_cast<std::int64_t>(massive.size());
    if (is_massive || (feature.meets_rule && (most == 0 || others < most))) {
      table.add_row(
          {feature.dim,
           yes_or_no(is_massive),
           yes_or_no(feature.meets_rule),
           kPercent * feature.layer_share,
           kPercent * feature.position_share});
    }
  }
  return table;
}

std::vector<EmergenceCurve> emergence_curves(const Magnitudes& magnitudes) {
  std::vector<EmergenceCurve> curves(1);
  curves[0].name = "largest";
  for (const StreamStats& stream : magnitudes.streams) {
    curves[0].values.push_back(stream.top[0].mean);
  }
  const auto& means = magnitudes.class_values.means;
  for (const MassiveSite& site : magnitudes.profile.sites) {
    if (site.token_class == TokenClass::kStart ||
        site.token_class == TokenClass::kStrongDelimiter) {
      const auto token_class = static_cast<std::int64_t>(site.token_class);
      const auto curve = means.select(1, token_class)
                             .select(1, site.dim)
                             .contiguous(); // [stream]
      const auto* values = curve.const_data_ptr<double>();
      curves.push_back(
          {.name = c10::str(
               "dim ", site.dim, " at ", token_class_name(site.token_class)),
           .values = {values, values + curve.numel()}});
    }
  }
  for (EmergenceCurve& curve : curves) {
    curve.emergence = find_emergence(curve.values);
  }
  return curves;
}

Table emergence_table(const Magnitudes& magnitudes) {
  Table table(
      {{.name = "curve"},
       {.name = "plateau"},
       {.name = "blocks (0-based)"},
       {.name = "layers (1-based)"},
       {.name = "emergence"},
       {.name = "written by block"},
       percent_column("its share", 1),
       {.name = "blocks that write 80 %"},
       {.name = "erased by block"},
       percent_column("share erased", 1)});
  for (const EmergenceCurve& curve : emergence_curves(magnitudes)) {
    std::vector<Cell> cells = {curve.name};
    if (curve.emergence) {
      append_emergence(cells, *curve.emergence);
    }
    cells.resize(table.columns().size()); // empty
    table.add_row(std::move(cells));
  }
  return table;
}

Table continuous_table(const Magnitudes& magnitudes) {
  const bool has_shape = magnitudes.options.detail;
  auto columns = with_block_columns(
      {{.name = "top 1 / median"},
       {.name = "top 1 / median std"},
       {.name = "top 2 / median"},
       {.name = "top 3 / median"},
       {.name = "top 1 / top 2"},
       {.name = "float16 overflows"}});
  if (has_shape) {
    columns.insert(
        columns.end(),
        {{.name = "kurtosis"},
         {.name = "neuron RMS kurtosis"},
         {.name = "token max / median"},
         percent_column("INT8 error"),
         percent_column("INT8 error of the rest"),
         percent_column("INT8 error apart")});
  }
  Table table(std::move(columns));
  for (const StreamStats& stream : magnitudes.streams) {
    auto cells = stream_cells(stream);
    cells.insert(
        cells.end(),
        {stream.top_over_median[0].mean,
         stream.top_over_median[0].std(),
         stream.top_over_median[1].mean,
         stream.top_over_median[2].mean,
         stream.top_1_over_2.mean,
         stream.float16_overflows});
    if (has_shape) {
      const ShapeStats& shape = stream.shape;
      cells.insert(
          cells.end(),
          {shape.kurtosis.mean,
           shape.neuron_rms_kurtosis.mean,
           shape.token_max_over_median.mean,
           kPercent * shape.int8_error.mean,
           kPercent * shape.int8_error_of_rest.mean,
           kPercent * shape.int8_error_apart.mean});
    }
    table.add_row(std::move(cells));
  }
  return table;
}

} // namespace ma
