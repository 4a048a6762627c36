// Interventions -> YAML.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/files.h"
#include "libma/core/names.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/intervention_yaml.h"

namespace ma {
namespace {

/// One edit without means.
struct Entry {
  std::string kind, site;
  Selection select;
  std::vector<std::pair<std::string, double>> numbers;
  std::string vectors_file; ///< empty without vectors
  std::vector<std::int64_t> to = {}, keep = {};
  std::string others = {};
};

/// Digits that read back as the same double.
std::string number(double value) {
  if (std::isinf(value)) {
    return value > 0 ? ".inf" : "-.inf";
  }
  const bool is_whole = value == std::trunc(value) && std::abs(value) < 1e15;
  return is_whole ? std::to_string(static_cast<std::int64_t>(value))
                  : nlohmann::json(value).dump();
}

std::string list(const std::vector<std::int64_t>& numbers) {
  std::string text = nlohmann::json(numbers).dump(); // [1,2]
  for (auto at = text.find(','); at != std::string::npos;
       at = text.find(',', at + 2)) {
    text.replace(at, 1, ", ");
  }
  return text;
}

std::string describe_yaml(const Selection& select) {
  const auto kind = select.kind;
  std::string text = "{kind: " + std::string(selection_kind_name(kind));
  if (!select.positions.empty()) {
    text += ", positions: " + list(select.positions);
  }
  if (!select.dims.empty()) {
    text += ", dims: " + list(select.dims);
  }
  if (kind == SelectionKind::kCriterion) {
    text += ", magnitude: " + number(select.magnitude);
    text += ", ratio: " + number(select.ratio);
  } else if (needs_count(kind)) {
    text += ", count: " + std::to_string(select.count);
  }
  if (kind == SelectionKind::kRandom) {
    text += ", seed: " + std::to_string(select.seed);
  }
  return text + "}";
}

void check_readable(const Entry& entry) {
  const auto kinds = intervention_registry().names();
  if (std::find(kinds.begin(), kinds.end(), entry.kind) == kinds.end()) {
    throw ConfigError(
        entry.site,
        "an edit of kind '" + entry.kind +
            "' is made in code, together with others; a file cannot hold it");
  }
  const auto& dims = entry.select.dims;
  if (std::any_of(dims.begin(), dims.end(), [](auto dim) { return dim < 0; })) {
    throw ConfigError(
        entry.site, "a dim is negative; count it from the start to save it");
  }
  if (entry.select.seed >
      static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
    throw ConfigError(
        entry.site, "a seed is above 2^63 - 1; use a smaller one");
  }
}

/// The blocks whose output stream `site` names.
std::vector<std::int64_t> layers_of(
    const std::string& site, std::int64_t n_layers) {
  std::vector<std::int64_t> layers;
  for (std::int64_t layer = 0; layer < n_layers; ++layer) {
    if (site == "blocks.*.resid_post" ||
        site == block_site(layer, "resid_post")) {
      layers.push_back(layer);
    }
  }
  return layers;
}

/// Positions of one kind: the start of a sequence (0) or others (1).
std::vector<std::int64_t> of_kind(
    const std::vector<std::int64_t>& positions, std::int64_t kind) {
  std::vector<std::int64_t> found;
  for (const std::int64_t position : positions) {
    if ((position != 0) == (kind == 1)) {
      found.push_back(position);
    }
  }
  return found;
}

/// set_value to means as edits to values.
std::vector<Entry> with_values(const Intervention& edit) {
  const InterventionOptions& options = edit.options();
  const auto& [positions, dims] =
      std::tie(options.select.positions, options.select.dims);
  const auto means = options.means.to(torch::kCPU, torch::kFloat64);
  const auto layers = layers_of(edit.site(), means.size(0));
  const bool is_given =
      options.select.kind == SelectionKind::kExplicit && !positions.empty() &&
      *std::min_element(positions.begin(), positions.end()) >= 0 &&
      !dims.empty() && *std::min_element(dims.begin(), dims.end()) >= 0 &&
      *std::max_element(dims.begin(), dims.end()) < means.size(2);
  if (!is_given || layers.empty()) {
    throw ConfigError(
        edit.site(),
        "means can be saved for given positions (from 0) x dims at "
        "blocks.{i}.resid_post; give option 'value' here");
  }
  std::vector<Entry> entries;
  for (const std::int64_t layer : layers) {
    for (const std::int64_t kind : {0, 1}) {
      const auto places = of_kind(positions, kind);
      for (const std::int64_t dim : dims) {
        if (!places.empty()) {
          const auto value = means[layer][kind][dim].item<double>();
          if (!std::isfinite(value)) {
            throw ConfigError(
                edit.site(), c10::str("the mean of dim ", dim, " is ", value));
          }
          entries.push_back(
              {edit.kind(),
               block_site(layer, "resid_post"),
               Selection::at(places, {dim}),
               {{"value", value}},
               {}});
        }
      }
    }
  }
  return entries;
}

/// Throws ConfigError for edits that are made by functions of their own, of
/// what no file can hold.
void require_known(const Intervention& edit) {
  const auto known = intervention_registry().names();
  if (!std::binary_search(known.begin(), known.end(), edit.kind())) {
    throw ConfigError(
        edit.site(),
        "edits of kind '" + edit.kind() + "' cannot be saved; a file holds " +
            join(known));
  }
}

std::vector<Entry> entries_of(const Intervention& edit) {
  require_known(edit);
  const InterventionOptions& options = edit.options();
  if (options.means.defined()) {
    return with_values(edit);
  }
  if (options.vectors.defined() && options.vectors_file.empty()) {
    throw ConfigError(
        edit.site(),
        "vectors are saved in a file of their own; give it as option "
        "'vectors_file'");
  }
  Entry entry{
      edit.kind(),
      edit.site(),
      options.select,
      {},
      options.vectors_file,
      options.to,
      options.keep,
      options.others};
  for (const auto& [name, number] :
       std::vector<std::pair<std::string, std::optional<double>>>{
           {"value", options.value},
           {"factor", options.factor},
           {"low", options.low},
           {"high", options.high}}) {
    if (number) {
      entry.numbers.emplace_back(name, *number);
    }
  }
  return {entry};
}

} // namespace

std::string interventions_to_yaml(const std::vector<Intervention>& edits) {
  std::string text = "interventions:";
  for (const Intervention& edit : edits) {
    for (const Entry& entry : entries_of(edit)) {
      check_readable(entry);
      text += "\n  - {kind: " + entry.kind;
      text += ", site: " + nlohmann::json(entry.site).dump();
      text += ", select: " + describe_yaml(entry.select);
      for (const auto& [name, value] : entry.numbers) {
        text += ", " + name + ": " + number(value);
      }
      if (!entry.vectors_file.empty()) {
        text += ", vectors: " + nlohmann::json(entry.vectors_file).dump();
      }
      text += entry.to.empty() ? "" : ", to: " + list(entry.to);
      text += entry.keep.empty() ? "" : ", keep: " + list(entry.keep);
      text += entry.others.empty() ? "" : ", others: " + entry.others;
      text += '}';
    }
  }
  return text + (edits.empty() ? " []\n" : "\n");
}

void save_interventions(
    const std::filesystem::path& path, const std::vector<Intervention>& edits) {
  write_file_atomically(path, interventions_to_yaml(edits));
}

} // namespace ma
