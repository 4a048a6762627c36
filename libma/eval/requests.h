// Requests as tokens: what lm-evaluation-harness feeds a model for a context
// and a continuation.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/eval/bos.h"
#include "libma/eval/request_score.h"
#include "libma/eval/token_tree.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma {

/// A request in tokens.
struct TokenRequest {
  TokenIds ids;                  ///< context and continuation, at most one more
                                 ///< than the model's window
  std::int64_t first_target = 1; ///< the continuation begins here
  bool is_truncated = false;     ///< the context lost tokens on its left

  std::int64_t n_targets() const {
    return static_cast<std::int64_t>(ids.size()) - first_target;
  }
  /// What the model reads: all but the last token.
  TokenIds inputs() const { return {ids.begin(), ids.end() - 1}; }
};

/// Tokens of `request`, as lm-evaluation-harness makes them
/// (`_encode_pair`, `_loglikelihood_tokens`): white space that ends the context
/// moves to the continuation; the context is encoded alone, and the
/// continuation's tokens are those that context and continuation, encoded as
/// one text, have beyond that number; an empty context becomes the profile's
/// prefix token; what exceeds `max_positions` inputs is cut off on the left.
///
/// Throws ConfigError, located at `where`, when the continuation has no token
/// or more than `max_positions`.
TokenRequest encode_request(
    const Tokenizer& tokenizer,
    const Request& request,
    BosProfile profile,
    std::int64_t max_positions,
    const std::string& where);

} // namespace ma
