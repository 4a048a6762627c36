// Joint tokenisation of context and continuation, and left truncation.
#include "libma/eval/requests.h"

#include <utility>

#include "libma/core/error.h"
#include "libma/eval/whitespace.h"

namespace ma {
namespace {

TokenIds encode(
    const Tokenizer& tokenizer, const std::string& text, bool add_bos) {
  return tokenizer.encode_with_offsets(text, {.add_bos = add_bos}).ids;
}

/// The continuation alone after the prefix token; where it begins with that
/// token itself, that one is the context, except in the profile of 2023.
TokenRequest encode_alone(
    const Tokenizer& tokenizer,
    const std::string& continuation,
    BosProfile profile) {
  TokenRequest request;
  request.ids = encode(tokenizer, continuation, /*add_bos=*/false);
  const auto prefix = prefix_id(profile, tokenizer);
  const bool has_prefix = profile != BosProfile::kLmEval2023 &&
                          !request.ids.empty() && request.ids.front() == prefix;
  if (!has_prefix) {
    request.ids.insert(request.ids.begin(), prefix);
  }
  return request;
}

/// The context's own tokens, and what the whole text has beyond their number:
/// the whole need not begin with them.
TokenRequest encode_jointly(
    const Tokenizer& tokenizer,
    const std::string& context,
    const std::string& continuation,
    BosProfile profile) {
  const auto text = context + continuation;
  const auto whole =
      encode(tokenizer, text, adds_bos(profile, tokenizer, text));
  TokenRequest request{
      .ids = encode(tokenizer, context, adds_bos(profile, tokenizer, context))};
  request.first_target = static_cast<std::int64_t>(request.ids.size());
  if (whole.size() > request.ids.size()) {
    request.ids.insert(
        request.ids.end(), whole.begin() + request.first_target, whole.end());
  }
  return request;
}

} // namespace

TokenRequest encode_request(
    const Tokenizer& tokenizer,
    const Request& request,
    BosProfile profile,
    std::int64_t max_positions,
    const std::string& where) {
  std::string_view context = request.context;
  while (const auto space = trailing_space(context)) {
    context.remove_suffix(space);
  }
  const auto continuation =
      request.context.substr(context.size()) + request.continuation;
  TokenRequest encoded =
      context.empty()
          ? encode_alone(tokenizer, continuation, profile)
          : encode_jointly(
                tokenizer, std::string(context), continuation, profile);

  const auto n_targets = encoded.n_targets();
  if (n_targets < 1 || encoded.first_target < 1) {
    throw ConfigError(
        where,
        "the continuation '" + request.continuation +
            "' adds no token to its context; give each choice some text");
  }
  if (n_targets > max_positions) {
    throw ConfigError(
        where,
        c10::str(
            "the continuation has ",
            n_targets,
            " tokens, the model's window ",
            max_positions,
            "; shorten it"));
  }
  const auto excess =
      static_cast<std::int64_t>(encoded.ids.size()) - (max_positions + 1);
  if (excess > 0) {
    encoded.ids.erase(encoded.ids.begin(), encoded.ids.begin() + excess);
    encoded.first_target -= excess;
    encoded.is_truncated = true;
  }
  return encoded;
}

} // namespace ma
