// implicit_bias (Sun et al. 2024, section 4.2, Eq. 2, figure 8): how constant
// what attention takes from massive tokens is, and the perplexity with a
// constant in its place.
#include "libma/eval/implicit_bias.h"

#include <map>
#include <numeric>
#include <utility>

#include "experiments/common/ablation_record.h"
#include "experiments/common/calibrated.h"
#include "experiments/common/evaluation.h"
#include "experiments/common/experiment.h"
#include "experiments/implicit_bias/settings.h"
#include <nlohmann/json.hpp>

#include "libma/analysis/implicit_bias_tables.h"
#include "libma/analysis/massive_tables.h"
#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/core/log.h"
#include "libma/eval/measure_attention.h"
#include "libma/io/safetensors_write.h"

namespace ma::experiments {
namespace {

/// Says when a text is evaluated that constants are taken over.
void warn_of_calibration_text(
    const std::map<std::string, std::string>& calibration,
    const std::map<std::string, std::string>& evaluated) {
  for (const auto& [path, hash] : evaluated) {
    if (hash == calibration.begin()->second) {
      log::warn(
          path +
          " is evaluated and is find.text, too: constants are tested on the "
          "text that they were taken from; evaluate another one");
    }
  }
}

/// Throws ConfigError when the settings name blocks that are not there.
void check_blocks(
    const ImplicitBiasSettings& settings, const DecoderConfig& config) {
  check_layers(settings.first_layer, config.n_layers);
  check_layers(settings.last_layer, config.n_layers);
}

/// The blocks whose attention is edited.
std::vector<std::int64_t> edited_layers(
    const ImplicitBiasSettings& settings,
    const MassiveTokens& tokens,
    std::int64_t n_layers) {
  const auto first = settings.first_layer.single().value_or(tokens.block + 1);
  const auto last = settings.last_layer.single().value_or(n_layers - 1);
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
            "; use ",
            tokens.block + 1,
            " to ",
            n_layers - 1));
  }
  std::vector<std::int64_t> layers(static_cast<std::size_t>(last - first + 1));
  std::iota(layers.begin(), layers.end(), first);
  return layers;
}

using Tensors = std::map<std::string, torch::Tensor>;

/// What attention takes from the massive tokens of a prompt, and from the rest:
/// figure 8's heat maps. Names begin with `prefix`.
void put_value_updates(
    const std::string& prefix,
    const TokenBatch& batch,
    const torch::Tensor& members, // bool [1, pos]
    const Model& model,
    Tensors& tensors) {
  const auto layers = listed_or_all("prompts", {}, model.config().n_layers);
  std::vector<torch::Tensor> massive;
  std::vector<torch::Tensor> rest;
  massive.reserve(layers.size());
  rest.reserve(layers.size());
  for (const AttentionParts& parts :
       decompose_attention(model, batch, layers, members)) {
    massive.push_back(parts.massive[0].to(torch::kCPU, torch::kFloat32));
    rest.push_back(parts.rest[0].to(torch::kCPU, torch::kFloat32));
  }
  for (const auto& [name, parts] :
       {std::pair("massive", massive), std::pair("rest", rest)}) {
    const auto stacked = at::stack(parts); // [layer, query, head, d_head]
    tensors[prefix + name] =               // [layer, query, head * d_head]
        stacked.flatten(2).contiguous();
    tensors[prefix + name + "_norms"] = // [layer, query, head]
        at::linalg_vector_norm(stacked, /*ord=*/2, /*dim=*/{3});
  }
  tensors[prefix + "ids"] = batch.ids[0];
  tensors[prefix + "members"] = members[0].to(torch::kUInt8);
}

/// The value updates of all prompts; the prompts as they go on record.
nlohmann::json write_value_updates(
    const ImplicitBiasSettings& settings,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run) {
  Tensors tensors;
  auto prompts = nlohmann::json::array();
  for (std::size_t i = 0; i < settings.prompts.size(); ++i) {
    run.check_interrupt();
    const std::string& prompt = settings.prompts[i];
    const TokenBatch batch(model.tokenizer().encode(
        prompt, {.add_bos = settings.find.cut.add_bos}));
    const auto members = find_massive_tokens(model, batch.ids, tokens);
    if (!members.any().item<bool>()) {
      log::warn(
          c10::str(
              "no token of prompt ",
              i,
              " is massive; all of it is in the rest"));
    }
    put_value_updates(
        c10::str("prompt.", i, "."), batch, members, model, tensors);
    prompts.push_back(
        {{"text", prompt}, {"tokens", token_texts(model, batch.ids[0])}});
  }
  save_safetensors(run.file("value_updates.safetensors"), tensors);
  return prompts;
}

void write_constants(
    const ImplicitBias& bias,
    const Model& model,
    const MassiveTokens& tokens,
    const Run& run) {
  Tensors tensors = {{"constants", bias.constants}}; // [layer, head, d_head]
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
      run.file("bias.safetensors"),
      tensors,
      {{"marked_after_block", std::to_string(tokens.block)},
       {"massive_tokens", describe(tokens.select)}});
}

nlohmann::json describe_bias(
    const ImplicitBias& bias, const MassiveTokens& tokens) {
  auto massive = describe(tokens);
  massive["count"] = bias.n_members;
  return {
      {"massive_tokens", std::move(massive)},
      {"sequences", bias.n_sequences},
      {"sequences_without_massive_tokens", bias.n_without},
      {"queries", bias.n_queries},
      {"null_sets", bias.options.null_sets}};
}

/// The tables of heads and blocks; the one of heads is too long to print.
void write_bias(
    const ImplicitBias& bias, const Run& run, std::vector<Metric>& metrics) {
  const Table by_layer = bias_layers_table(bias);
  run.write_table(by_layer, "layers");
  append(metrics, by_layer);
  run.write_long_table(bias_constancy_table(bias), "bias_constancy");
}

/// The bias over the calibration sequences, of the tokens that are massive.
ImplicitBias measure_bias(
    const ImplicitBiasSettings& settings,
    const Calibrated& calibrated,
    const MassiveTokens& tokens,
    const Run& run) {
  const auto members = find_massive_tokens(
      calibrated.model,
      calibrated.sequences,
      tokens,
      {.progress = run.progress()});
  ImplicitBiasPass pass = settings.bias;
  pass.bias.seed = static_cast<std::uint64_t>(run.seed());
  pass.progress = run.progress();
  return implicit_bias(calibrated.model, calibrated.sequences, members, pass);
}

void measure(const ImplicitBiasSettings& settings, Run& run) {
  const auto calibrated = load_calibrated(settings.model, settings.find, run);
  const Model& model = calibrated.model;
  check_blocks(settings, model.config());
  const auto evaluation =
      make_evaluation(settings.evaluation, model.tokenizer(), run.home());
  warn_of_calibration_text(calibrated.texts, evaluation.text_files);
  auto journal = run.open_journal(journal_inputs(calibrated, evaluation));

  const auto profile = find_massive_in(calibrated, settings.find, run);
  const auto tokens = massive_tokens(profile);
  std::vector<std::int64_t> layers;
  if (!evaluation.tasks.empty()) {
    layers = edited_layers(settings, tokens, model.config().n_layers);
  }
  const auto bias = measure_bias(settings, calibrated, tokens, run);
  auto findings = findings_of(calibrated, evaluation);
  run.write_table(sites_table(profile), "sites");
  write_bias(bias, run, findings.metrics);
  write_constants(bias, model, tokens, run);
  nlohmann::json prompts;
  if (!settings.prompts.empty()) {
    prompts = write_value_updates(settings, model, tokens, run);
  }
  AblationResult result;
  std::vector<Condition> conditions;
  if (!evaluation.tasks.empty()) {
    conditions = bias_conditions(bias, tokens, layers);
    result = evaluate(model, conditions, evaluation, journal, run);
    const Table table = result.table();
    run.write_table(table);
    append(findings.metrics, table);
  }
  findings.details = details_of(profile, conditions, result);
  findings.details["prompts"] = prompts;
  findings.details["implicit_bias"] = describe_bias(bias, tokens);
  findings.details["edited_blocks_0_based"] = layers;
  run.write_record(findings);
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
            .check =
                [=](const auto& home) {
                  check_evaluation(
                      settings.model,
                      settings.find,
                      settings.evaluation,
                      home,
                      [&](const DecoderConfig& model) {
                        check_blocks(settings, model);
                      });
                }};
      });
}

} // namespace ma::experiments
