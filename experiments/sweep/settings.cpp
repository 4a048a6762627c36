// The keys of a file of sweeps.
#include "experiments/sweep/settings.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "experiments/common/unique_names.h"

namespace ma::experiments {
namespace {

/// `value`: a number or `mean`.
void read_value(const Yaml& yaml, SweepOptions& options) {
  const auto value = yaml.find("value");
  if (!value) {
    yaml.get_or<double>("value", 0);
    return;
  }
  if (value->holds<double>()) {
    options.value = value->as<double>();
  } else if (value->as<std::string>() == "mean") {
    options.is_mean = true;
  } else {
    throw value->error(
        "expected a number or mean, got '" + value->as<std::string>() + "'");
  }
}

/// The numbers of calibration sequences that means are taken over.
std::vector<std::int64_t> read_sequences(
    const Yaml& yaml, const FindSettings& find) {
  const auto counts =
      yaml.get<std::vector<std::int64_t>>("sequences", at_least(1));
  for (const std::int64_t count : counts) {
    check_sequences(yaml, count, find);
  }
  if (counts.empty()) {
    throw yaml["sequences"].error("is empty; name at least one number");
  }
  return counts;
}

/// Names become parts of file names.
void require_plain(const Yaml& yaml, const std::string& name) {
  const auto is_plain = [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  };
  if (name.empty() || !std::all_of(name.begin(), name.end(), is_plain)) {
    throw yaml["name"].error(
        "expected letters, digits, '_' and '-', got '" + name + "'");
  }
}

SweepSettings read_sweep(const Yaml& yaml, const FindSettings& find) {
  SweepSettings settings;
  SweepOptions& options = settings.options;
  options.kind = yaml.get<std::string>("kind");
  settings.name = yaml.get_or<std::string>("name", options.kind);
  require_plain(yaml, settings.name);
  options.top = yaml.get_or<std::int64_t>("top", options.top, at_least(0));
  const auto taken = sweep_options(options.kind, yaml["kind"].place());
  const auto takes = [&](const char* name) {
    return std::find(taken.begin(), taken.end(), name) != taken.end();
  };
  if (takes("value")) {
    read_value(yaml, options);
  }
  if (takes("factors")) {
    options.factors = yaml.get_or<std::vector<double>>("factors", {});
  }
  if (takes("after")) {
    options.after =
        yaml.get_or<std::vector<std::int64_t>>("after", {}, at_least(0));
  }
  if (takes("means")) {
    settings.sequences = read_sequences(yaml, find);
  }
  return settings;
}

RepetitionSettings read_repetition(const Yaml& yaml) {
  RepetitionSettings settings;
  settings.prompts =
      yaml.get_or<std::int64_t>("prompts", settings.prompts, at_least(1));
  settings.prompt_tokens = yaml.get_or<std::int64_t>(
      "prompt_tokens", settings.prompt_tokens, at_least(1));
  settings.new_tokens =
      yaml.get_or<std::int64_t>("new_tokens", settings.new_tokens, at_least(1));
  return settings;
}

} // namespace

SweepRunSettings read_sweep_settings(const Yaml& config) {
  SweepRunSettings settings;
  settings.model = read_model(config["model"]);
  settings.find = read_find(config["find"]);
  std::set<std::string> names;
  for (const Yaml& yaml : config["sweeps"].items()) {
    settings.sweeps.push_back(read_sweep(yaml, settings.find));
    require_new(yaml, settings.sweeps.back().name, names);
  }
  if (settings.sweeps.empty()) {
    throw config["sweeps"].error("is empty; list at least one sweep");
  }
  const Yaml evaluate = config["evaluate"];
  settings.evaluation = read_evaluation(config);
  settings.evaluation.divergence = evaluate.get_or<bool>("divergence", true);
  if (const auto repetition = evaluate.find("repetition")) {
    settings.repetition = read_repetition(*repetition);
  }
  return settings;
}

} // namespace ma::experiments
