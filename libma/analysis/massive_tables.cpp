// Tables of what was found.
#include "libma/analysis/massive_tables.h"

#include <nlohmann/json.hpp>

#include "libma/core/names.h"
#include "libma/core/table_columns.h"

namespace ma {

std::string quote_texts(const std::vector<std::string>& texts) {
  std::vector<std::string> quoted;
  quoted.reserve(texts.size());
  for (const std::string& text : texts) {
    quoted.push_back(
        nlohmann::json(text).dump(
            /*indent=*/-1,
            ' ',
            /*ensure_ascii=*/false,
            nlohmann::json::error_handler_t::replace));
  }
  return join(quoted, " ");
}

Table sites_table(const MassiveProfile& profile) {
  Table table(
      {index_column("dim"),
       {.name = "token class"},
       {.name = "blocks (0-based)"},
       {.name = "layers (1-based)"},
       index_column("peak block"),
       {.name = "mean"},
       {.name = "std"},
       index_column("count"),
       {.name = "max / median"},
       {.name = "sequences",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 0},
       {.name = "tokens"}});
  for (const MassiveSite& site : profile.sites) {
    table.add_row(
        {site.dim,
         std::string(token_class_name(site.token_class)),
         c10::str(site.first_layer, "-", site.last_layer),
         c10::str(site.first_layer + 1, "-", site.last_layer + 1),
         site.peak_layer,
         site.mean,
         site.std,
         site.count,
         site.max_over_median,
         100 * site.sequence_share,
         quote_texts(site.tokens)});
  }
  return table;
}

Table layers_table(const MassiveProfile& profile) {
  Table table(
      {block_column(),
       layer_column(),
       {.name = "top 1"},
       {.name = "top 2"},
       {.name = "top 3"},
       {.name = "median"},
       {.name = "max / median"},
       {.name = "massive in sequences",
        .unit = "%",
        .style = NumberStyle::kDecimals,
        .digits = 0}});
  for (const LayerMagnitudes& layer : profile.layers) {
    table.add_row(
        {layer.layer,
         layer.layer + 1,
         layer.top[0],
         layer.top[1],
         layer.top[2],
         layer.median,
         layer.max_over_median,
         100 * layer.massive_share});
  }
  return table;
}

} // namespace ma
