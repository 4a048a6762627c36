// Which tokens a Hugging Face folder puts at the edges of a text.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "libma/io/tokenizer/pipeline.h"

namespace ma::tok {

/// Finds the id of a token by its content.
using TokenIds =
    std::function<std::optional<std::int64_t>(const std::string& content)>;

/// BOS and EOS of the folder that `tokenizer_json` lies in.
///
/// The tokenizer's own word counts: `bos_token` of tokenizer_config.json, then
/// of special_tokens_map.json; null means none. Where neither has the key, the
/// token that the post-processor puts first (`first_token`), then the
/// `bos_token_id` of generation_config.json or config.json, unless the
/// tokenizer's class has no default (PreTrainedTokenizerFast). Throws
/// ConfigError when a file names a token that the vocabulary lacks, FileError
/// when a file is damaged.
EdgeTokens read_edge_tokens(
    const std::filesystem::path& tokenizer_json,
    const std::optional<std::string>& first_token,
    const TokenIds& ids);

} // namespace ma::tok
