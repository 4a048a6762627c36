// Perplexity windows: a text, cut by a named protocol into rows of tokens with
// the tokens that count.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/eval/bos.h"
#include "libma/eval/documents.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma {

/// One row of a forward pass and the tokens scored in it: `ids[t]` from the
/// logits at `t - 1`, for each t from `first_target`.
struct Window {
  std::vector<std::int64_t> ids;
  std::int64_t n_inputs = 0; ///< ids that the model reads: all, or all but the
                             ///< last, as the protocol's own tool does
  std::int64_t first_target = 1;

  std::int64_t n_targets() const {
    return static_cast<std::int64_t>(ids.size()) - first_target;
  }
};

/// How the windows' results become one number.
enum class Aggregation {
  kWindowMean, ///< exp of the mean over windows of each window's mean NLL; its
               ///< standard error is over windows
  kTokenMean,  ///< exp of the NLL's sum over the scored tokens; its standard
               ///< error is over tokens
};

struct WindowOptions {
  std::string protocol = "paper";
  std::optional<BosProfile> bos = {}; ///< unset: the protocol's own
  std::int64_t window = 0; ///< tokens; 0: the protocol's own, if it has one
  std::int64_t stride = 0; ///< tokens, `hf-sliding` only; 0: the window
  std::int64_t max_windows = 0;   ///< the first so many; 0: all
  std::int64_t max_documents = 0; ///< `lm-eval-rolling` only; 0: all
};

/// All windows of an evaluation, and what its result depends on.
struct WindowSet {
  std::string protocol;
  BosProfile bos = BosProfile::kNoBos;
  bool has_bos = false;    ///< whether a BOS was put anywhere
  std::int64_t window = 0; ///< tokens
  std::int64_t stride = 0; ///< tokens from one window's start to the next one's
  Aggregation aggregation = Aggregation::kWindowMean;
  std::int64_t text_tokens = 0;      ///< of the text as encoded
  std::optional<std::int64_t> bytes; ///< of the documents, where all of each is
                                     ///< scored
  std::optional<std::int64_t> words; ///< likewise
  std::vector<Window> windows;
};

/// A protocol, for documentation and listings.
struct ProtocolInfo {
  std::string name;
  std::string rule;                    ///< one line
  std::int64_t window = 0;             ///< tokens, the default; 0: none
  bool is_window_fixed = false;        ///< no other window may be asked for
  BosProfile bos = BosProfile::kNoBos; ///< the default
};

/// Every protocol.
std::vector<ProtocolInfo> perplexity_protocols();

/// The windows of `documents` by a protocol.
///
/// `lm-eval-rolling` scores every document by itself; the others read one text,
/// so join the documents first. Throws UnknownNameError for the protocol,
/// ConfigError for an option that it does not have or a text without a single
/// window.
WindowSet make_windows(
    const std::vector<Document>& documents,
    const Tokenizer& tokenizer,
    const WindowOptions& options = {});

/// The windows of a text that is ids already, with the special tokens that it
/// should have. Only for protocols that put none into a window (`paper`,
/// `gptq`, `hf-sliding`); throws ConfigError for the others.
WindowSet make_windows(
    const std::vector<std::int64_t>& ids, const WindowOptions& options = {});

} // namespace ma
