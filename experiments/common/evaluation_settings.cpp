// Texts and windows.
#include "experiments/common/evaluation_settings.h"

#include <filesystem>
#include <set>
#include <utility>

#include "experiments/common/unique_names.h"

#include "libma/eval/protocols.h"

namespace ma::experiments {
namespace {

const std::vector<std::pair<std::string, DocumentMode>> kDocumentModes = {
    {"rows", DocumentMode::kRows},
    {"wikitext_pages", DocumentMode::kWikitextPages}};

/// "paper-2048": the protocol and its window, where it has a choice of them.
std::string heading(const ProtocolInfo& protocol, std::int64_t window) {
  const auto tokens = window > 0 ? window : protocol.window;
  return tokens > 0 && !protocol.is_window_fixed
             ? protocol.name + "-" + std::to_string(tokens)
             : protocol.name;
}

PerplexitySettings read_text(const Yaml& yaml) {
  PerplexitySettings settings;
  settings.task = yaml.get<std::string>("task");
  WindowOptions& windows = settings.windows;
  windows.protocol = yaml.get_or<std::string>("protocol", "paper");
  const Protocol& protocol = find_protocol(windows.protocol);
  const auto bos = yaml.get_or<std::string>(
      "bos", std::string(bos_profile_name(protocol.info.bos)));
  windows.bos = parse_bos_profile(bos, yaml.place());
  windows.window = yaml.get_or<std::int64_t>("window", 0, at_least(0));
  settings.name = yaml.get_or<std::string>(
      "name",
      std::filesystem::path(settings.task).stem().string() + " " +
          heading(protocol.info, windows.window));
  windows.stride = yaml.get_or<std::int64_t>("stride", 0, at_least(0));
  windows.max_windows =
      yaml.get_or<std::int64_t>("max_windows", 0, at_least(0));
  if (protocol.cuts_each_document) {
    windows.max_documents =
        yaml.get_or<std::int64_t>("max_documents", 0, at_least(0));
    settings.documents = yaml.get_choice("documents", kDocumentModes);
  }
  return settings;
}

/// The list `perplexity` of the map `evaluate`; empty when it is absent.
std::vector<PerplexitySettings> read_texts(const Yaml& evaluate) {
  std::vector<PerplexitySettings> settings;
  std::set<std::string> columns;
  if (const auto texts = evaluate.find("perplexity")) {
    for (const Yaml& text : texts->items()) {
      settings.push_back(read_text(text));
      require_new(text, settings.back().name, columns);
    }
  }
  return settings;
}

} // namespace

EvaluationSettings read_evaluation(const Yaml& config, bool needs_texts) {
  EvaluationSettings settings{
      .perplexity = {},
      .tokens_per_pass =
          config.get_or<std::int64_t>("tokens_per_pass", 0, at_least(0))};
  if (const auto evaluate = config.find("evaluate")) {
    settings.perplexity = read_texts(*evaluate);
    if (needs_texts && settings.perplexity.empty()) {
      throw(*evaluate)["perplexity"].error("is empty; give at least one text");
    }
  }
  return settings;
}

} // namespace ma::experiments
