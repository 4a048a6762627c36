// Which tokens a Hugging Face folder puts at the edges of a text.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "libma/io/tokenizer/pipeline.h"

namespace ma::tok {

/// Finds the id of a token by its content.
using TokenIds =
    std::function<std::optional<std::int64_t>(const std::string& content)>;

/// The JSON object in `file`, empty where there is no such file. Throws
/// FileError when it is none.
nlohmann::json read_object(const std::filesystem::path& file);

/// What the tokenizer's own file says about the edges.
struct EdgeDefaults {
  std::optional<std::string> bos; ///< the token in front of a text
  std::optional<std::string> eos;
  bool config_decides = false; ///< whether the folder's `add_bos_token`, true
                               ///< where absent, decides about adding BOS; else
                               ///< `bos` is added whatever it says
};

/// BOS and EOS of the folder that `file`, a tokenizer's, lies in.
///
/// The tokenizer's own word counts: `bos_token` of tokenizer_config.json, then
/// of special_tokens_map.json; null means none. Where neither has the key, that
/// of `defaults`, then the `bos_token_id` of generation_config.json or
/// config.json, unless the tokenizer's class has no default
/// (PreTrainedTokenizerFast). Throws ConfigError when a file names a token that
/// the vocabulary lacks, FileError when a file is damaged.
EdgeTokens read_edge_tokens(
    const std::filesystem::path& file,
    const EdgeDefaults& defaults,
    const TokenIds& ids);

} // namespace ma::tok
