// attention (Sun et al. 2024, section 4.1, figures 5 and 6; Gu et al. 2025):
// attention sinks of all blocks and heads, and maps of prompts.
#include <algorithm>
#include <map>
#include <utility>

#include "experiments/attention/settings.h"
#include "experiments/common/calibrated.h"
#include "experiments/common/experiment.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/attention_sink_tables.h"
#include "libma/analysis/massive_tables.h"
#include "libma/core/log.h"
#include "libma/core/table_columns.h"
#include "libma/eval/corpus.h"
#include "libma/eval/measure_attention.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

/// int64 [n, length]
torch::Tensor make_sequences(
    SequenceKind kind,
    const AttentionSettings& settings,
    const Model& model,
    const Run& run) {
  if (kind == SequenceKind::kNatural) {
    const Corpus corpus = load_corpus(settings.find.text, run.home());
    return cut_sequences(model.tokenizer(), corpus.texts, settings.cut);
  }
  auto ids = random_sequences(
      std::min(model.tokenizer().vocab_size(), model.config().vocab),
      {settings.cut.sequences, settings.cut.length},
      kind == SequenceKind::kRepeated,
      static_cast<std::uint64_t>(run.seed()));
  if (settings.cut.add_bos) { // as natural sequences have one
    const auto bos = model.tokenizer().bos_id();
    TORCH_INTERNAL_ASSERT(bos.has_value()); // the calibration has it, too
    ids.select(/*dim=*/1, 0).fill_(*bos);
  }
  return ids;
}

/// Tables of each kind of tokens, one below the other.
struct SinkTables {
  std::vector<TablePart> summary, blocks, heads, outliers;
};

void write_sinks(
    const AttentionSettings& settings,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run,
    Findings& findings) {
  MeasureSinksOptions options = settings.sinks;
  options.layers = settings.sink_layers.layers;
  options.progress = run.progress();
  SinkTables tables;
  for (const SequenceKind kind : settings.kinds) {
    const auto sinks = measure_attention_sinks(
        model, make_sequences(kind, settings, model, run), tokens, options);
    const std::vector<Cell> key = {sequence_kind_name(kind)};
    tables.summary.push_back({key, sink_summary_table(sinks)});
    tables.blocks.push_back({key, sink_blocks_table(sinks)});
    tables.heads.push_back({key, sink_heads_table(sinks)});
    tables.outliers.push_back({key, attention_outliers_table(sinks)});
    findings.details["sinks"][sequence_kind_name(kind)] = {
        {"sequences", sinks.n_sequences}, {"massive_tokens", sinks.n_massive}};
  }
  const auto stacked = [](const std::vector<TablePart>& parts) {
    return stack_tables({{.name = "tokens"}}, parts);
  };
  const Table summary = stacked(tables.summary);
  const Table blocks = stacked(tables.blocks);
  const Table heads = stacked(tables.heads);
  run.write_table(summary);
  run.write_table(blocks, "sinks");
  run.write("heads.csv", heads.to_csv()); // too long to print
  run.write("outliers.csv", stacked(tables.outliers).to_csv());
  append(findings.metrics, summary);
  append(findings.metrics, blocks);
}

nlohmann::json describe_prompt(
    const std::string& text, const AttentionMaps& maps) {
  auto massive = nlohmann::json::array();
  const auto marks = maps.massive.accessor<bool, 1>();
  for (std::int64_t key = 0; key < marks.size(0); ++key) {
    if (marks[key]) {
      massive.push_back(key);
    }
  }
  return {
      {"text", text}, {"tokens", maps.tokens}, {"massive", std::move(massive)}};
}

/// Means over heads for heat maps, and each head's by key.
void write_maps(
    const AttentionSettings& settings,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run,
    Findings& findings) {
  std::map<std::string, torch::Tensor> tensors;
  std::vector<TablePart> parts;
  auto prompts = nlohmann::json::array();
  for (std::size_t i = 0; i < settings.prompts.size(); ++i) {
    const std::string& prompt = settings.prompts[i];
    run.check_interrupt();
    const auto ids = model.tokenizer().encode(
        prompt, {.add_bos = settings.find.cut.add_bos});
    const auto maps =
        attention_maps(model, ids, tokens, settings.map_layers.layers);
    if (!maps.massive.any().item<bool>()) {
      log::warn(c10::str("no token of prompt ", i, " is massive"));
    }
    const auto name = c10::str("prompt.", i, ".");
    tensors[name + "layers"] = at::tensor(maps.layers, torch::kInt64);
    tensors[name + "logits"] = maps.scores;   // [layer, query_pos, key_pos]
    tensors[name + "pattern"] = maps.pattern; // [layer, query_pos, key_pos]
    tensors[name + "ids"] = maps.ids;
    tensors[name + "massive"] = maps.massive.to(torch::kUInt8);
    parts.push_back(
        {{static_cast<std::int64_t>(i)}, attention_maps_table(maps)});
    prompts.push_back(describe_prompt(prompt, maps));
  }
  save_safetensors(run.file("maps.safetensors"), tensors);
  const auto stacked = stack_tables({index_column("prompt")}, parts);
  run.write("maps.csv", stacked.to_csv());
  findings.details["prompts"] = std::move(prompts);
}

void check_blocks(
    const AttentionSettings& settings, const DecoderConfig& config) {
  check_layers(settings.sink_layers, config.n_layers);
  check_layers(settings.map_layers, config.n_layers);
}

void measure(const AttentionSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  check_blocks(settings, calibrated.model.config());
  const auto profile = find_massive_in(calibrated, settings.find, run);
  const auto tokens = massive_tokens(profile);
  auto findings = findings_of(calibrated);
  findings.details = {{"massive_tokens", describe(tokens)}};
  run.write_table(sites_table(profile), "sites");
  if (!settings.kinds.empty()) {
    write_sinks(settings, calibrated.model, tokens, run, findings);
  }
  if (!settings.prompts.empty()) {
    write_maps(settings, calibrated.model, tokens, run, findings);
  }
  run.write_record(findings);
}

/// The calibration, with as much text as the sinks need where that is more.
FindSettings longest(const AttentionSettings& settings) {
  FindSettings find = settings.find;
  const auto tokens = [](const CutOptions& cut) {
    return cut.sequences * cut.length;
  };
  const bool needs_text = std::count(
                              settings.kinds.begin(),
                              settings.kinds.end(),
                              SequenceKind::kNatural) > 0;
  if (needs_text && tokens(settings.cut) > tokens(find.cut)) {
    find.cut = settings.cut;
  }
  return find;
}

} // namespace

int run_attention(const std::vector<std::string>& args) {
  return run_experiment(
      "attention",
      "Attention sinks of all blocks and heads, and attention maps of prompts",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_attention_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check =
                [=](const auto& home) {
                  check_calibrated(
                      settings.model,
                      longest(settings),
                      home,
                      [&](const DecoderConfig& model) {
                        check_blocks(settings, model);
                      });
                }};
      });
}

} // namespace ma::experiments
