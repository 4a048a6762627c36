// Reading `model` and `find`.
#include "experiments/common/find.h"

#include "libma/core/log.h"
#include "libma/core/names.h"
#include "libma/core/table.h"
#include "libma/models/plan.h"

namespace ma::experiments {

std::string read_device(const Yaml& yaml, const std::string& fallback) {
  const auto device = yaml.find("device");
  if (device && device->is_list()) {
    return join(device->as<std::vector<std::string>>(), ",");
  }
  return yaml.get_or<std::string>("device", fallback);
}

ModelSettings read_model(const Yaml& yaml, const ModelSettings& defaults) {
  return {
      .name = yaml.get<std::string>("name"),
      .dtype = yaml.get_or<std::string>("dtype", defaults.dtype),
      .device = read_device(yaml, defaults.device)};
}

FindSettings read_find(const Yaml& yaml) {
  FindSettings settings;
  settings.text = yaml.get<std::string>("text");
  settings.cut = {
      .sequences = yaml.get_or<std::int64_t>("sequences", 32, at_least(1)),
      .length = yaml.get_or<std::int64_t>("length", 512, at_least(1)),
      .add_bos = yaml.get_or<bool>("bos", false),
      .mode = parse_cut_mode(
          yaml.get_or<std::string>("cut", "joined"), yaml.place())};
  settings.criterion = {
      .magnitude = yaml.get_or<double>("magnitude", 100, at_least(0)),
      .ratio = yaml.get_or<double>("ratio", 1000, at_least(0))};
  return settings;
}

void check_sequences(
    const Yaml& yaml, std::int64_t wanted, const FindSettings& find) {
  if (wanted > find.cut.sequences) {
    throw yaml["sequences"].error(
        c10::str(
            wanted,
            " sequences are more than find.sequences (",
            find.cut.sequences,
            ")"));
  }
}

std::vector<std::string> read_prompts(const Yaml& config) {
  std::vector<std::string> prompts;
  if (const auto listed = config.find("prompts")) {
    for (const Yaml& prompt : listed->items()) {
      prompts.push_back(prompt.as<std::string>());
      if (prompts.back().empty()) {
        throw prompt.error("is empty; give some text");
      }
    }
  }
  return prompts;
}

CheckedModel check_model(
    const ModelSettings& model, const std::filesystem::path& home) {
  const auto plan = plan_model(
      model.name,
      {.device = model.device,
       .dtype = parse_dtype(model.dtype, "dtype"),
       .home = home});
  log::info(model.name + ": " + plan.describe());
  return {
      .config = plan.config,
      .tokenizer = load_tokenizer(plan.checkpoint->path())};
}

std::string describe_top_site(const MassiveProfile& profile) {
  const MassiveSite& top = profile.sites.front();
  return c10::str(
      "dim ",
      top.dim,
      " at the ",
      token_class_name(top.token_class),
      " token, from block ",
      top.first_layer,
      " (layer ",
      top.first_layer + 1,
      ") to block ",
      top.last_layer,
      ": mean ",
      format_number(top.mean),
      ", std ",
      format_number(top.std),
      ", ",
      format_number(top.max_over_median),
      " x median");
}

void log_found(const MassiveProfile& profile) {
  if (!profile.meets_criterion) {
    log::warn(
        "nothing meets the criterion; the entry with the largest max / median "
        "stands in for them");
  }
  log::info("found " + describe_top_site(profile));
}

} // namespace ma::experiments
