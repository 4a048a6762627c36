// The keys of an attention YAML file.
#include "experiments/attention/settings.h"

#include <utility>

#include "libma/core/error.h"

namespace ma::experiments {
namespace {

const std::vector<std::pair<std::string, SequenceKind>>& kinds() {
  static const std::vector<std::pair<std::string, SequenceKind>> all = {
      {"natural", SequenceKind::kNatural},
      {"random", SequenceKind::kRandom},
      {"repeated", SequenceKind::kRepeated}};
  return all;
}

SequenceKind parse_kind(const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  for (const auto& [known, kind] : kinds()) {
    if (known == name) {
      return kind;
    }
    names.push_back(known);
  }
  throw UnknownNameError(where, "kind of tokens", name, names);
}

void read_sinks(const Yaml& yaml, AttentionSettings& settings) {
  const AttentionSinkOptions defaults;
  settings.cut = {
      .sequences = yaml.get_or<std::int64_t>("sequences", 100, at_least(1)),
      .length = yaml.get_or<std::int64_t>("length", 64, at_least(2)),
      .add_bos = settings.find.cut.add_bos,
      .mode = settings.find.cut.mode};
  const auto tokens = yaml.find("tokens");
  for (const std::string& name :
       yaml.get_or<std::vector<std::string>>("tokens", {"natural"})) {
    settings.kinds.push_back(
        parse_kind(name, (tokens ? *tokens : yaml).place()));
  }
  MeasureSinksOptions& sinks = settings.sinks;
  sinks.sinks = {
      .eps =
          yaml.get_or<std::vector<double>>("eps", defaults.eps, between(0, 1)),
      .concentrated = yaml.get_or<double>(
          "concentrated", defaults.concentrated, between(0, 1)),
      .outlier =
          yaml.get_or<double>("outlier", defaults.outlier, between(0, 1)),
      .fewest_queries = yaml.get_or<std::int64_t>(
          "fewest_queries", defaults.fewest_queries, at_least(1))};
  settings.sink_layers = read_layers(yaml, "layers", {LayerChoice::Kind::kAll});
  sinks.scores = yaml.get_or<bool>("scores", false);
  sinks.tokens_per_pass = yaml.get_or<std::int64_t>(
      "tokens_per_pass", sinks.tokens_per_pass, at_least(1));
}

} // namespace

std::string sequence_kind_name(SequenceKind kind) {
  for (const auto& [name, known] : kinds()) {
    if (known == kind) {
      return name;
    }
  }
  return {};
}

AttentionSettings read_attention_settings(const Yaml& config) {
  AttentionSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  read_sinks(config.section("sinks"), settings);
  settings.prompts = read_prompts(config);
  settings.map_layers =
      read_layers(config.section("maps"), "layers", {LayerChoice::Kind::kAuto});
  if (settings.kinds.empty() && settings.prompts.empty()) {
    throw config.error(
        "there is nothing to measure; give sinks.tokens or prompts");
  }
  return settings;
}

} // namespace ma::experiments
