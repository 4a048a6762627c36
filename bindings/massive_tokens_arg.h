// Which tokens are massive, as Python says it: a profile, or nothing.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bound_model.h"
#include "bindings/token_batch_arg.h"

#include "libma/analysis/massive.h"
#include "libma/eval/calibration.h"
#include "libma/eval/find_massive.h"
#include "libma/eval/massive_tokens.h"

namespace ma::python {

/// int64 [n, length], or texts to cut.
using SequencesArg = std::variant<torch::Tensor, std::vector<std::string>>;

inline torch::Tensor sequences_of(
    const Model& model, const SequencesArg& sequences) {
  if (const auto* texts = std::get_if<std::vector<std::string>>(&sequences)) {
    return cut_sequences(model.tokenizer(), *texts);
  }
  return std::get<torch::Tensor>(sequences);
}

/// A text without BOS, or token ids.
using PromptArg = std::variant<std::string, TokenIds>;

/// int64 [n, pos]
inline torch::Tensor prompt_ids(const Model& model, const PromptArg& prompt) {
  if (const auto* text = std::get_if<std::string>(&prompt)) {
    return model.tokenizer().encode(*text).unsqueeze(0);
  }
  return std::get<TokenIds>(prompt).batch.ids;
}

/// Those of `profile`; without one, those that are found in `sequences`.
inline MassiveTokens massive_tokens_of(
    const Model& model,
    const torch::Tensor& sequences,
    const std::optional<MassiveProfile>& profile) {
  return massive_tokens(
      profile ? *profile
              : find_massive(model, sequences, {.classify_tokens = false}));
}

} // namespace ma::python
