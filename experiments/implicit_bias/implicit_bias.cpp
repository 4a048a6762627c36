// implicit_bias (Sun et al. 2024, section 4.2, Eq. 2, figure 8): how constant
// what attention takes from massive tokens is, and the perplexity with a
// constant in its place.
#include "libma/eval/implicit_bias.h"

#include <map>
#include <numeric>
#include <utility>

#include "experiments/ablation/report.h"
#include "experiments/common/calibrated.h"
#include "experiments/common/experiment.h"
#include "experiments/implicit_bias/settings.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/implicit_bias_tables.h"
#include "libma/analysis/massive_tables.h"
#include "libma/core/error.h"
#include "libma/core/log.h"
#include "libma/eval/ablation.h"
#include "libma/eval/corpus.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

using Hashes = std::map<std::string, std::string>; // path -> SHA-256

/// The texts of the perplexity columns, and their files.
struct Tasks {
  std::vector<AblationTask> tasks;
  Hashes files;
};

Tasks make_tasks(
    const ImplicitBiasSettings& settings,
    const Calibrated& calibrated,
    const Run& run) {
  Tasks made;
  for (const PerplexitySettings& wanted : settings.perplexity) {
    const Corpus corpus = load_corpus(wanted.task, run.home());
    const auto files = hash_files({corpus.path});
    if (files == calibrated.texts) {
      log::warn(
          wanted.name +
          " is the calibration text: its own means stand in for it");
    }
    made.files.insert(files.begin(), files.end());
    made.tasks.emplace_back(
        PerplexityTask{
            .name = wanted.name,
            .windows = make_windows(
                corpus_documents(corpus, wanted.documents),
                calibrated.model.tokenizer(),
                wanted.windows)});
  }
  return made;
}

/// The blocks whose attention is edited.
std::vector<std::int64_t> edited_layers(
    const ImplicitBiasSettings& settings,
    const MassiveTokens& tokens,
    std::int64_t n_layers) {
  const auto first = settings.first_block.value_or(tokens.block + 1);
  const auto last = settings.last_block.value_or(n_layers - 1);
  if (first <= tokens.block || last >= n_layers || first > last) {
    throw ConfigError(
        "replace",
        c10::str(
            "blocks ",
            first,
            " to ",
            last,
            " cannot be edited: massive tokens are known after block ",
            tokens.block,
            ", the last block is ",
            n_layers - 1));
  }
  std::vector<std::int64_t> layers(static_cast<std::size_t>(last - first + 1));
  std::iota(layers.begin(), layers.end(), first);
  return layers;
}

/// What attention takes from the massive tokens of the prompt, and from the
/// rest: figure 8's heat maps.
void write_value_updates(
    const ImplicitBiasSettings& settings,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run) {
  const TokenBatch batch(model.tokenizer().encode(
      settings.prompt, {.add_bos = settings.find.cut.add_bos}));
  const auto members = find_massive_tokens(model, batch.ids, tokens);
  if (!members.any().item<bool>()) {
    log::warn("no token of the prompt is massive; all of it is in the rest");
  }
  std::vector<std::int64_t> layers(
      static_cast<std::size_t>(model.config().n_layers));
  std::iota(layers.begin(), layers.end(), 0);
  std::vector<torch::Tensor> massive;
  std::vector<torch::Tensor> rest;
  for (const AttentionParts& parts :
       decompose_attention(model, batch, layers, members)) {
    massive.push_back(parts.massive[0].to(torch::kCPU, torch::kFloat32));
    rest.push_back(parts.rest[0].to(torch::kCPU, torch::kFloat32));
  }
  const auto m = at::stack(massive); // [layer, query, head, d_head]
  const auto r = at::stack(rest);
  const auto norms = [](const torch::Tensor& x) {
    return at::linalg_vector_norm(x, /*ord=*/2, /*dim=*/{3});
  };
  save_safetensors(
      run.output() / "value_updates.safetensors",
      {{"massive", m.flatten(2).contiguous()}, // [layer, query, head * d_head]
       {"rest", r.flatten(2).contiguous()},
       {"massive_norms", norms(m)}, // [layer, query, head]
       {"rest_norms", norms(r)},
       {"ids", batch.ids[0]},
       {"members", members[0].to(torch::kUInt8)}},
      {{"prompt", settings.prompt}});
}

void write_constants(
    const ImplicitBias& bias,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run) {
  std::map<std::string, torch::Tensor> tensors = {
      {"constants", bias.constants}}; // [layer, head, d_head]
  if (bias.other_constants.defined()) {
    tensors["other_constants"] = bias.other_constants;
  }
  const auto attn_out = project_to_attn_out(model, bias.constants);
  if (attn_out.defined()) {
    tensors["attn_out"] = attn_out; // [layer, d_model]
  } else {
    log::warn("attention's output is normed: no constants at attn_out");
  }
  save_safetensors(
      run.output() / "bias.safetensors",
      tensors,
      {{"marked_after_block", std::to_string(tokens.block)},
       {"massive_tokens", describe(tokens.select)}});
}

nlohmann::json describe_bias(
    const ImplicitBias& bias, const MassiveTokens& tokens) {
  return {
      {"massive_tokens",
       {{"select", describe(tokens.select)},
        {"after_block_0_based", tokens.block},
        {"count", bias.n_members}}},
      {"sequences", bias.n_sequences},
      {"sequences_without_massive_tokens", bias.n_without},
      {"queries", bias.n_queries},
      {"null_sets", bias.options.null_sets}};
}

/// The edited model's perplexities; goes on where an earlier run stopped.
AblationResult evaluate(
    const ImplicitBiasSettings& settings,
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    JsonlJournal& journal,
    const Run& run) {
  AblationOptions options{
      .tokens_per_pass = settings.tokens_per_pass, .progress = run.progress()};
  for (const auto& line : journal.recovered()) {
    options.finished.push_back(ablation_score_from_json(line));
  }
  options.on_score = [&](const AblationScore& score) {
    journal.append(to_json(score));
  };
  return evaluate_conditions(model, conditions, tasks, options);
}

/// The tables of heads and blocks; the one of heads is too long to print.
void write_bias(
    const ImplicitBias& bias, const Run& run, std::vector<Metric>& metrics) {
  const Table by_layer = bias_layers_table(bias);
  run.write_table(by_layer, "layers");
  append(metrics, by_layer);
  const Table by_head = bias_constancy_table(bias);
  run.write("bias_constancy.md", by_head.to_markdown());
  run.write("bias_constancy.csv", by_head.to_csv());
}

void measure(const ImplicitBiasSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  const auto [tasks, task_files] = make_tasks(settings, calibrated, run);
  auto inputs = journal_inputs(calibrated);
  inputs["evaluated"] = task_files;
  auto journal = run.open_journal(inputs);

  const auto profile = find_massive_in(calibrated, settings.find, run);
  const auto tokens = massive_tokens(profile);
  ImplicitBiasPass pass = settings.bias;
  pass.bias.seed = static_cast<std::uint64_t>(run.seed());
  pass.progress = run.progress();
  const auto members = find_massive_tokens(
      model, calibrated.sequences, tokens, {.progress = run.progress()});
  const auto bias = implicit_bias(model, calibrated.sequences, members, pass);

  auto findings = findings_of(calibrated);
  run.write_table(sites_table(profile), "sites");
  write_bias(bias, run, findings.metrics);
  write_constants(bias, model, tokens, run);
  if (!settings.prompt.empty()) {
    write_value_updates(settings, model, tokens, run);
  }
  AblationResult result;
  std::vector<Condition> conditions;
  std::vector<std::int64_t> layers;
  if (!tasks.empty()) {
    layers = edited_layers(settings, tokens, model.config().n_layers);
    conditions = bias_conditions(bias, tokens, layers);
    result = evaluate(settings, model, conditions, tasks, journal, run);
    const Table table = result.table();
    run.write_table(table);
    append(findings.metrics, table);
  }
  findings.details = details_of(profile, conditions, result, task_files);
  findings.details["implicit_bias"] = describe_bias(bias, tokens);
  findings.details["edited_blocks_0_based"] = layers;
  run.write_record(findings);
}

void check(
    const ImplicitBiasSettings& settings, const std::filesystem::path& home) {
  std::vector<std::string> problems;
  try {
    check_calibrated(settings.model, settings.find, home);
  } catch (const Problems& found) {
    problems = found.lines();
  }
  for (const PerplexitySettings& wanted : settings.perplexity) {
    try {
      load_corpus(wanted.task, home);
    } catch (const Error& error) {
      problems.push_back(one_line(error));
    }
  }
  if (!problems.empty()) {
    throw Problems(std::move(problems));
  }
}

} // namespace

int run_implicit_bias(const std::vector<std::string>& args) {
  return run_experiment(
      "implicit_bias",
      "How constant what attention takes from massive tokens is",
      args,
      [](const Yaml& config) -> Plan {
        const auto settings = read_implicit_bias_settings(config);
        return {
            .work = [=](Run& run) { measure(settings, run); },
            .check = [=](const auto& home) { check(settings, home); }};
      });
}

} // namespace ma::experiments
