// YAML -> interventions.
#include "libma/interventions/intervention_yaml.h"

#include <optional>

#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

std::optional<double> find_number(const Yaml& yaml, std::string_view key) {
  const auto found = yaml.find(key);
  return found ? std::optional(found->as<double>()) : std::nullopt;
}

Selection read_details(
    const Yaml& yaml,
    const std::string& kind,
    const Selection& defaults,
    const ReadPositionsFn& read_positions) {
  Selection selection;
  selection.kind = parse_selection_kind(kind, yaml.place());
  const bool is_explicit = selection.kind == SelectionKind::kExplicit;
  const auto positions = yaml.find("positions");
  selection.positions =
      positions && read_positions
          ? read_positions(*positions)
          : yaml.get_or<std::vector<std::int64_t>>("positions", {});
  if (is_explicit || selection.kind == SelectionKind::kCriterion) {
    selection.dims =
        yaml.get_or<std::vector<std::int64_t>>("dims", {}, at_least(0));
  }
  if (selection.kind == SelectionKind::kCriterion) {
    selection.magnitude =
        yaml.get_or<double>("magnitude", defaults.magnitude, at_least(0));
    selection.ratio = yaml.get_or<double>("ratio", defaults.ratio, at_least(0));
  } else if (needs_count(selection.kind)) {
    if (const auto count = yaml.find("count")) {
      selection.count = count->as<std::int64_t>(at_least(1));
    }
  }
  if (selection.kind == SelectionKind::kRandom) {
    selection.seed = static_cast<std::uint64_t>(
        yaml.get_or<std::int64_t>("seed", 0, at_least(0)));
  }
  return selection;
}

/// The hook names or patterns of one entry.
std::vector<std::string> read_sites(const Yaml& yaml) {
  const auto layer = yaml.find("layer");
  if (!layer) {
    return {yaml.get<std::string>("site")};
  }
  const auto kind = yaml.get_or<std::string>("site", "resid_post");
  if (layer->holds<std::string>() && layer->as<std::string>() == "all") {
    return {"blocks.*." + kind};
  }
  std::vector<std::int64_t> layers;
  if (layer->is_list()) {
    layers = layer->as<std::vector<std::int64_t>>(at_least(0));
  } else if (layer->holds<std::int64_t>()) {
    layers = {layer->as<std::int64_t>(at_least(0))};
  } else {
    throw layer->error("expected a block (0-based), a list of blocks or all");
  }
  if (layers.empty()) {
    throw layer->error("is empty; name at least one block");
  }
  std::vector<std::string> sites;
  sites.reserve(layers.size());
  for (const std::int64_t block : layers) {
    sites.push_back(block_site(block, kind));
  }
  return sites;
}

void read_vectors(
    const Yaml& yaml,
    const LoadVectorsFn& load_vectors,
    InterventionOptions& options) {
  const auto file = yaml.find("vectors");
  if (!file) {
    return;
  }
  if (!load_vectors) {
    throw file->error("vectors cannot be read here; give them in code");
  }
  options.vectors_file = file->as<std::string>();
  options.vectors = load_vectors(options.vectors_file);
}

void add_edits(
    const Yaml& yaml,
    const LoadVectorsFn& load_vectors,
    std::vector<Intervention>& edits) {
  const auto kind = yaml.get_or<std::string>("kind", "set_value");
  intervention_registry().get(kind, yaml.place());
  InterventionOptions options;
  options.select = read_selection(yaml["select"]);
  options.value = find_number(yaml, "value");
  read_edit_options(yaml, options);
  read_vectors(yaml, load_vectors, options);
  for (const std::string& site : read_sites(yaml)) {
    options.site = site;
    try {
      edits.push_back(make_intervention(kind, options));
    } catch (const ConfigError& error) {
      throw yaml.error(error.what());
    }
  }
}

} // namespace

Selection read_selection(
    const Yaml& yaml,
    const Selection& defaults,
    const ReadPositionsFn& read_positions) {
  if (yaml.is_map()) {
    return read_details(
        yaml, yaml.get<std::string>("kind"), defaults, read_positions);
  }
  return read_details(
      Yaml::parse("{}", yaml.place()),
      yaml.as<std::string>(),
      defaults,
      read_positions);
}

void read_edit_options(const Yaml& yaml, InterventionOptions& options) {
  options.factor = find_number(yaml, "factor");
  options.low = find_number(yaml, "low");
  options.high = find_number(yaml, "high");
  options.to = yaml.get_or<std::vector<std::int64_t>>("to", {});
  options.keep = yaml.get_or<std::vector<std::int64_t>>("keep", {});
  options.others = yaml.get_or<std::string>("others", "");
}

std::vector<Intervention> read_interventions(
    const Yaml& file, const LoadVectorsFn& load_vectors) {
  std::vector<Intervention> edits;
  for (const Yaml& entry : file["interventions"].items()) {
    add_edits(entry, load_vectors, edits);
  }
  return edits;
}

std::vector<Intervention> load_interventions(
    const std::filesystem::path& path, const LoadVectorsFn& load_vectors) {
  const Yaml file = Yaml::load(path);
  auto edits = read_interventions(file, load_vectors);
  file.reject_unknown();
  return edits;
}

} // namespace ma
