// Tables of all arms, one below another.
#include "experiments/magnitudes/report.h"

#include <functional>
#include <utility>

#include "libma/analysis/magnitude_arrays.h"
#include "libma/analysis/magnitude_tables.h"
#include "libma/core/json_number.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

using Tensors = std::map<std::string, torch::Tensor>;
using MakeTable = std::function<Table(const Magnitudes&)>;

constexpr std::int64_t kOutliersShown = 20; // dims that are not massive

std::string bos_word(const Arm& arm) {
  return arm.summary.has_bos ? "yes" : "no";
}

/// Prefix of an arm's tensors.
std::string prefix_of(const Arm& arm) {
  return arm.summary.has_bos ? "bos." : "nobos.";
}

Table stacked(
    const std::vector<Arm>& arms, const MakeTable& make, bool names_model) {
  std::vector<Column> keys;
  if (names_model) {
    keys.push_back({.name = "model"});
  }
  keys.push_back({.name = "BOS"});
  std::vector<TablePart> parts;
  for (const Arm& arm : arms) {
    TablePart part{.keys = {}, .table = make(arm.found)};
    if (names_model) {
      part.keys.emplace_back(arm.summary.label);
    }
    part.keys.emplace_back(bos_word(arm));
    parts.push_back(std::move(part));
  }
  return stack_tables(std::move(keys), parts);
}

nlohmann::json describe(const EmergenceCurve& curve) {
  nlohmann::json described = {{"curve", curve.name}};
  for (const double value : curve.values) {
    described["values"].push_back(json_number(value));
  }
  if (const auto& found = curve.emergence) {
    described["plateau"] = found->plateau;
    described["kind"] = emergence_kind_name(found->kind);
    described["writers"] = found->writers;
    described["writer_share"] = found->writer_share;
    described["eraser"] = found->eraser;
  }
  return described;
}

/// Dims that are massive, outlier features, and both.
nlohmann::json describe_outliers(const Magnitudes& found) {
  const Table table = outlier_features_table(found);
  nlohmann::json described = {
      {"massive", nlohmann::json::array()},
      {"outlier_features", nlohmann::json::array()},
      {"both", nlohmann::json::array()}};
  for (std::size_t row = 0; row < table.rows().size(); ++row) {
    const auto dim = std::get<std::int64_t>(table.at(row, "dim"));
    const bool is_massive =
        std::get<std::string>(table.at(row, "massive")) == "yes";
    const bool is_outlier =
        std::get<std::string>(table.at(row, "outlier feature")) == "yes";
    if (is_massive) {
      described["massive"].push_back(dim);
    }
    if (is_outlier) {
      described["outlier_features"].push_back(dim);
    }
    if (is_massive && is_outlier) {
      described["both"].push_back(dim);
    }
  }
  return described;
}

nlohmann::json describe(const Arm& arm) {
  auto summary = arm.summary;
  summary.profile = arm.found.profile;
  auto described = to_json(summary);
  for (const EmergenceCurve& curve : emergence_curves(arm.found)) {
    described["emergence"].push_back(describe(curve));
  }
  described["outliers"] = describe_outliers(arm.found);
  return described;
}

/// |x| of each surface under a name that `described` explains.
void put_surfaces(const Arm& arm, Tensors& tensors, nlohmann::json& described) {
  for (std::size_t i = 0; i < arm.surfaces.size(); ++i) {
    const MagnitudeSurface& surface = arm.surfaces[i];
    for (std::size_t layer = 0; layer < surface.layers.size(); ++layer) {
      const auto block = surface.layers[layer];
      const auto name =
          c10::str(prefix_of(arm), "prompt_", i, ".block_", block);
      tensors[name] =
          surface.values[static_cast<std::int64_t>(layer)].abs().contiguous();
      described.push_back(
          {{"tensor", name},
           {"prompt", surface.prompt},
           {"bos", surface.has_bos},
           {"block_0_based", block},
           {"layer_1_based", block + 1},
           {"ids", surface.ids},
           {"tokens", surface.tokens},
           {"median", json_number(surface.medians[layer])}});
    }
  }
}

Table all_features(const std::vector<Arm>& arms, std::int64_t top) {
  std::vector<TablePart> parts;
  for (const Arm& arm : arms) {
    for (const MagnitudeSurface& surface : arm.surfaces) {
      parts.push_back(
          {.keys = {surface.prompt, bos_word(arm)},
           .table = features_table(surface, top, arm.found.options.criterion)});
    }
  }
  return stack_tables({{.name = "prompt"}, {.name = "BOS"}}, parts);
}

/// The first dims as .md, all as .csv: a model of large activations has nothing
/// but outlier features.
void write_outlier_features(const std::vector<Arm>& arms, const Run& run) {
  const auto make = [&arms](std::int64_t most) {
    const auto of_arm = [most](const Magnitudes& found) {
      return outlier_features_table(found, most);
    };
    return stacked(arms, of_arm, /*names_model=*/false);
  };
  const std::string name = "outlier_features";
  run.write_table(make(kOutliersShown), name);
  run.write(name + ".csv", make(0).to_csv());
}

void write_tables(
    const std::vector<Arm>& arms, const Run& run, Findings& findings) {
  const auto write = [&](const std::string& name, const MakeTable& make) {
    const Table table = stacked(arms, make, name == "largest");
    run.write_table(table, name);
    return table;
  };
  const auto record = [&findings](const Table& table) {
    append(findings.metrics, table);
  };
  record(write("locations", locations_table));
  write("layers", [](const Magnitudes& found) { return stream_table(found); });
  write("largest", largest_table);
  record(write("emergence", emergence_table));
  record(write("constancy", [](const Magnitudes& found) {
    return constancy_table(found, found.peak_layer());
  }));
  write_outlier_features(arms, run);
  write("continuous", continuous_table);
}

} // namespace

void write_magnitudes(
    const std::vector<Arm>& arms,
    std::int64_t features,
    const Run& run,
    Findings& findings) {
  write_tables(arms, run, findings);
  Tensors arrays;
  Tensors surfaces;
  auto models = nlohmann::json::array();
  auto described_surfaces = nlohmann::json::array();
  for (const Arm& arm : arms) {
    for (const auto& [name, array] : magnitude_arrays(arm.found)) {
      arrays[prefix_of(arm) + name] = array;
    }
    put_surfaces(arm, surfaces, described_surfaces);
    models.push_back(describe(arm));
  }
  save_safetensors(run.file("magnitudes.safetensors"), arrays);
  if (!surfaces.empty()) {
    save_safetensors(run.file("surface.safetensors"), surfaces);
    run.write("features.csv", all_features(arms, features).to_csv());
  }
  auto classes = nlohmann::json::array();
  for (std::int64_t i = 0; i < kTextClasses; ++i) {
    classes.push_back(token_class_name(static_cast<TokenClass>(i)));
  }
  findings.details = {
      {"models", std::move(models)},
      {"surfaces", std::move(described_surfaces)},
      {"token_classes", std::move(classes)}};
}

} // namespace ma::experiments
