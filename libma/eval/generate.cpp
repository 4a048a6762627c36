// Batches of prompts, padded on the left, that lose a row whenever one ends.
#include "libma/eval/generate.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "libma/core/error.h"
#include "libma/eval/conditions.h"

namespace ma {
namespace {

constexpr std::int64_t kCpuTokens = 4096;
constexpr std::int64_t kDeviceTokens = 16384;

std::int64_t size_of(const TokenIds& ids) {
  return static_cast<std::int64_t>(ids.size());
}

/// One sequence while it grows.
struct Row {
  std::size_t prompt = 0;    ///< index
  TokenIds ids;              ///< prompt and new tokens
  std::int64_t n_prompt = 0; ///< of them in the prompt
  bool is_truncated = false;
  RandomStream random;

  TokenIds made() const { return {ids.begin() + n_prompt, ids.end()}; }
};

void require_positive(const char* name, std::int64_t value, bool or_zero) {
  if (value < (or_zero ? 0 : 1)) {
    throw ConfigError(
        name,
        c10::str(
            "expected a positive number",
            or_zero ? ", or 0 for the default" : "",
            ", got ",
            value));
  }
}

void check(const Model& model, const GenerateOptions& options) {
  model.check_predicts("generate");
  check_sampling(options.sampling);
  require_positive("max_new_tokens", options.max_new_tokens, false);
  require_positive("tokens_per_pass", options.tokens_per_pass, true);
  const auto limit = window_limit(model, options.max_length);
  if (options.max_new_tokens >= limit) {
    throw ConfigError(
        "max_new_tokens",
        c10::str(
            options.max_new_tokens,
            " leave no room for a prompt in ",
            limit,
            " positions; ask for fewer"));
  }
  if (std::find(options.stop.begin(), options.stop.end(), "") !=
      options.stop.end()) {
    throw ConfigError("stop", "a stop string is empty; leave it out");
  }
}

std::vector<Row> make_rows(
    const Model& model,
    const std::vector<TokenIds>& prompts,
    const GenerateOptions& options) {
  const auto room =
      window_limit(model, options.max_length) - options.max_new_tokens;
  std::vector<Row> rows;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    const auto excess = std::max<std::int64_t>(size_of(prompts[i]) - room, 0);
    if (prompts[i].empty()) {
      throw ConfigError(
          c10::str("prompt ", i),
          "has no token to start from; give some text or a BOS");
    }
    TokenIds ids(prompts[i].begin() + excess, prompts[i].end());
    const auto n_prompt = size_of(ids);
    rows.push_back(
        {i, std::move(ids), n_prompt, excess > 0, {options.seed, i}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    return a.n_prompt > b.n_prompt;
  });
  return rows;
}

/// Frequencies that change at some length make keys computed before it differ
/// from those computed after it.
bool changes_frequencies(
    const Model& model, const Row& row, std::int64_t more) {
  return model.config().changes_frequencies(row.n_prompt, row.n_prompt + more);
}

/// The rows' last `pos` tokens, with padding on the left of shorter rows.
TokenBatch last_tokens(const std::vector<Row>& rows, std::int64_t pos) {
  const auto n_rows = static_cast<std::int64_t>(rows.size());
  auto ids = at::zeros({n_rows, pos}, torch::kInt64);
  auto mask = at::zeros({n_rows, pos}, torch::kBool);
  for (std::int64_t r = 0; r < n_rows; ++r) {
    const TokenIds& row = rows[static_cast<std::size_t>(r)].ids;
    const auto n = std::min(size_of(row), pos);
    std::copy_n(
        row.end() - n, n, ids.data_ptr<std::int64_t>() + (r + 1) * pos - n);
    std::fill_n(mask.data_ptr<bool>() + (r + 1) * pos - n, n, true);
  }
  return {std::move(ids), std::move(mask)};
}

std::int64_t longest(const std::vector<Row>& rows) {
  std::int64_t length = 0;
  for (const Row& row : rows) {
    length = std::max(length, size_of(row.ids));
  }
  return length;
}

/// Writes the continuations of one batch.
class BatchWriter {
 public:
  BatchWriter(
      const Model& model,
      const Tokenizer& tokenizer,
      const GenerateOptions& options,
      std::vector<Row> rows)
      : model_(model),
        tokenizer_(tokenizer),
        options_(options),
        rows_(std::move(rows)) {
    const bool is_exact =
        fits_token_trees({"", options.edits}) &&
        std::none_of(rows_.begin(), rows_.end(), [&](const Row& row) {
          return changes_frequencies(model, row, options.max_new_tokens);
        });
    if (options.use_cache && is_exact) {
      cache_.emplace(
          model.config().n_layers, longest(rows_) + options.max_new_tokens);
    }
  }

  /// Hands each row's result to `deliver` when it ends; calls `after_step`
  /// after each step.
  template <class Deliver, class AfterStep>
  void run(const Deliver& deliver, const AfterStep& after_step) {
    while (!rows_.empty()) {
      append(next_logits());
      std::vector<std::int64_t> kept;
      std::vector<Row> going;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        if (const auto reason = ending(rows_[i])) {
          deliver(rows_[i].prompt, finish(rows_[i], *reason));
        } else {
          kept.push_back(static_cast<std::int64_t>(i));
          going.push_back(std::move(rows_[i]));
        }
      }
      if (cache_ && !going.empty() && going.size() < rows_.size()) {
        cache_->keep_rows(at::tensor(kept, torch::kInt64));
      }
      rows_ = std::move(going);
      after_step();
    }
  }

 private:
  /// Logits of each row's next token, [rows, vocab].
  torch::Tensor next_logits() {
    const bool goes_on = cache_ && cache_->length() > 0;
    const auto batch = last_tokens(rows_, goes_on ? 1 : longest(rows_));
    const auto pos = batch.ids.size(1);
    const auto last =
        at::arange(1, batch.ids.size(0) + 1, torch::kInt64) * pos - 1; // [rows]
    if (cache_) {
      return model_.extend(batch, *cache_, last);
    }
    const auto x = model_.run_blocks(
        model_.embed(batch), 0, model_.config().n_layers, batch);
    return model_.unembed(x, last, batch);
  }

  void append(const torch::Tensor& logits) {
    if (logits.isnan().logical_or(logits.isposinf()).any().item<bool>()) {
      throw Error(
          "generate",
          c10::str(
              "the logits of new token ",
              rows_.front().made().size(),
              " are not numbers in ",
              model_.dtype(),
              "; use float32, or a smaller edit"));
    }
    const bool is_greedy = options_.sampling.temperature == 0;
    const auto chosen =
        is_greedy ? logits.argmax(/*dim=*/1).to(torch::kCPU)
                  : logits.to(torch::kCPU, torch::kFloat64); // [rows(, vocab)]
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const auto row = chosen[static_cast<std::int64_t>(i)];
      rows_[i].ids.push_back(
          is_greedy ? row.item<std::int64_t>()
                    : draw_token(row, options_.sampling, rows_[i].random));
    }
  }

  std::optional<StopReason> ending(const Row& row) const {
    if (row.ids.back() == tokenizer_.eos_id()) {
      return StopReason::kEos;
    }
    if (!options_.stop.empty()) {
      const auto text = tokenizer_.decode(row.made(), /*skip_special=*/false);
      for (const std::string& stop : options_.stop) {
        if (text.find(stop) != std::string::npos) {
          return StopReason::kStopString;
        }
      }
    }
    return size_of(row.ids) - row.n_prompt == options_.max_new_tokens
               ? std::optional(StopReason::kLength)
               : std::nullopt;
  }

  Generation finish(const Row& row, StopReason reason) const {
    Generation made{row.made(), "", reason, row.is_truncated};
    made.text = tokenizer_.decode(made.ids, /*skip_special=*/true);
    for (const std::string& stop : options_.stop) {
      made.text = made.text.substr(0, made.text.find(stop));
    }
    return made;
  }

  const Model& model_;
  const Tokenizer& tokenizer_;
  const GenerateOptions& options_;
  std::vector<Row> rows_;
  std::optional<nn::KeyValueCache> cache_;
};

const Tokenizer& tokenizer_of(
    const Model& model, const GenerateOptions& options) {
  return options.tokenizer != nullptr ? *options.tokenizer : model.tokenizer();
}

/// Takes the longest rows off the front, as many as `tokens` have room for.
std::vector<Row> take_batch(
    std::vector<Row>& rows, std::int64_t max_new_tokens, std::int64_t tokens) {
  const auto length = rows.front().n_prompt + max_new_tokens;
  const auto count = std::min(
      static_cast<std::int64_t>(rows.size()),
      std::max<std::int64_t>(tokens / length, 1));
  std::vector<Row> batch(
      std::make_move_iterator(rows.begin()),
      std::make_move_iterator(rows.begin() + count));
  rows.erase(rows.begin(), rows.begin() + count);
  return batch;
}

} // namespace

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::kEos:
      return "eos";
    case StopReason::kStopString:
      return "stop_string";
    case StopReason::kLength:
      return "length";
  }
  return "";
}

std::vector<Generation> generate(
    const Model& model,
    const std::vector<TokenIds>& prompts,
    const GenerateOptions& options) {
  check(model, options);
  const Tokenizer& tokenizer = tokenizer_of(model, options);
  auto rows = make_rows(model, prompts, options);
  std::vector<HookHandle> handles;
  std::vector<std::int64_t> before;
  for (const Intervention& edit : options.edits) {
    handles.push_back(model.add_hook(edit.site(), edit));
    before.push_back(edit.stats().edited);
  }
  const auto by_default = model.device().is_cpu() ? kCpuTokens : kDeviceTokens;
  const auto tokens =
      options.tokens_per_pass > 0 ? options.tokens_per_pass : by_default;
  ProgressCounter progress(
      options.progress,
      {.stage = "generate",
       .total = static_cast<std::int64_t>(prompts.size()),
       .unit = "prompts"});
  std::vector<Generation> results(prompts.size());
  while (!rows.empty()) {
    BatchWriter writer(
        model,
        tokenizer,
        options,
        take_batch(rows, options.max_new_tokens, tokens));
    writer.run(
        [&](std::size_t prompt, Generation made) {
          results[prompt] = std::move(made);
          if (options.on_generation) {
            options.on_generation(prompt, results[prompt]);
          }
          progress.add(1);
        },
        [&] { progress.add(0); });
  }
  for (std::size_t e = 0; e < before.size(); ++e) {
    before[e] = options.edits[e].stats().edited - before[e];
  }
  if (!prompts.empty()) {
    require_effect({"generated", options.edits}, before);
  }
  return results;
}

std::vector<Generation> generate(
    const Model& model,
    const std::vector<std::string>& prompts,
    const GenerateOptions& options) {
  const Tokenizer& tokenizer = tokenizer_of(model, options);
  std::vector<TokenIds> ids;
  ids.reserve(prompts.size());
  for (const std::string& prompt : prompts) {
    ids.push_back(
        tokenizer
            .encode_with_offsets(
                prompt,
                {.add_bos = adds_bos(options.profile, tokenizer, prompt)})
            .ids);
  }
  return generate(model, ids, options);
}

} // namespace ma
