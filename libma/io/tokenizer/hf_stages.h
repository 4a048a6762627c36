// The stages that a Hugging Face tokenizer.json describes.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/io/tokenizer/byte_bpe.h"
#include "libma/io/tokenizer/decoder.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/tokenizer/pipeline.h"
#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {

// Each of these reads the value of the key that it is named after; null where
// the key is absent. `where` is the file. They throw ConfigError when the stage
// is of a kind that is not supported, naming it, and nlohmann's exceptions when
// a value is of the wrong type.

std::unique_ptr<Normalizer> read_normalizer(
    const nlohmann::json& json, std::string_view where);
PreTokenizerPtr read_pre_tokenizer(
    const nlohmann::json& json, std::string_view where);
std::unique_ptr<Decoder> read_decoder(
    const nlohmann::json& json, std::string_view where);
BpeData read_model(const nlohmann::json& json, std::string_view where);

/// Merges written `"a b"` or `["a", "b"]`, in order of rank. Throws FileError
/// when one is neither.
std::vector<std::pair<std::string, std::string>> read_merges(
    const nlohmann::json& json, std::string_view where);

/// What a post-processor does: offsets, and the token that it puts in front of
/// a text.
struct PostProcessor {
  OffsetTrimming trimming;
  std::optional<std::string> first_token;
};
PostProcessor read_post_processor(
    const nlohmann::json& json, std::string_view where);

} // namespace ma::tok
