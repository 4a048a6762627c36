// Counting n-grams.
#include "libma/eval/repetition.h"

#include <limits>
#include <set>
#include <utility>

#include "libma/core/error.h"
#include "libma/eval/generate.h"

namespace ma {

Repetition repetition_of(const std::vector<TokenIds>& texts) {
  Repetition found;
  for (const TokenIds& text : texts) {
    found.n_tokens += static_cast<std::int64_t>(text.size());
  }
  for (std::size_t n = 1; n <= kRepetitionOrders; ++n) {
    std::size_t n_all = 0;
    std::size_t n_distinct = 0;
    for (const TokenIds& text : texts) {
      std::set<TokenIds> distinct;
      for (std::size_t i = 0; i + n <= text.size(); ++i) {
        const auto first = text.begin() + static_cast<std::ptrdiff_t>(i);
        distinct.emplace(first, first + static_cast<std::ptrdiff_t>(n));
        ++n_all;
      }
      n_distinct += distinct.size();
    }
    found.repeated[n - 1] = n_all == 0
                                ? std::numeric_limits<double>::quiet_NaN()
                                : static_cast<double>(n_all - n_distinct) /
                                      static_cast<double>(n_all);
  }
  return found;
}

std::vector<TokenIds> window_prompts(
    const WindowSet& windows, std::int64_t count, std::int64_t length) {
  const auto n_windows = static_cast<std::int64_t>(windows.windows.size());
  if (count < 1 || length < 1 || count > n_windows) {
    throw ConfigError(
        "repetition",
        c10::str(
            "cannot take ",
            count,
            " prompts of ",
            length,
            " tokens from ",
            n_windows,
            " windows"));
  }
  std::vector<TokenIds> prompts;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto& ids = windows.windows[static_cast<std::size_t>(i)].ids;
    if (static_cast<std::int64_t>(ids.size()) < length) {
      throw ConfigError(
          "repetition",
          c10::str(
              "window ",
              i,
              " has ",
              ids.size(),
              " tokens, a prompt needs ",
              length,
              "; ask for shorter prompts"));
    }
    prompts.emplace_back(ids.begin(), ids.begin() + length);
  }
  return prompts;
}

Repetition measure_repetition(
    const Model& model,
    const std::vector<TokenIds>& prompts,
    const std::vector<Intervention>& edits,
    const RepetitionOptions& options) {
  std::vector<TokenIds> texts;
  for (Generation& made : generate(
           model,
           prompts,
           {.max_new_tokens = options.new_tokens,
            .edits = edits,
            .tokens_per_pass = options.tokens_per_pass,
            .tokenizer = options.tokenizer,
            .progress = options.progress})) {
    texts.push_back(std::move(made.ids));
  }
  return repetition_of(texts);
}

} // namespace ma
