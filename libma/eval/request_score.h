// A request and what a model makes of it.
#pragma once

#include <cstdint>
#include <string>

namespace ma {

/// What the model is asked: how likely the continuation is after the context.
struct Request {
  std::string context;      ///< UTF-8
  std::string continuation; ///< UTF-8, with its leading delimiter
};

struct RequestScore {
  double log_likelihood_nats = 0; ///< of the continuation, summed in double
  std::int64_t n_tokens = 0;      ///< of the continuation
  bool is_greedy = false;         ///< each of them is the model's first choice
  bool is_truncated = false;      ///< the context lost tokens on its left

  bool operator==(const RequestScore&) const = default;
};

} // namespace ma
