// The stages that a Hugging Face tokenizer.json describes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/decoder.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/tokenizer/pipeline.h"
#include "libma/io/tokenizer/pre_tokenizer.h"
#include "libma/io/tokenizer/unigram.h"

namespace ma::tok {

// Each of these reads the value of the key that it is named after; null where
// the key is absent. `where` is the file. They throw ConfigError when the stage
// is of a kind that is not supported, naming it, and nlohmann's exceptions when
// a value is of the wrong type.

/// Null where nothing is to be done.
NormalizerPtr read_normalizer(
    const nlohmann::json& json, std::string_view where);

DecoderPtr read_decoder(const nlohmann::json& json, std::string_view where);

struct PreTokenizerStages {
  PreTokenizerPtr pre_tokenizer;
  bool byte_level = false; ///< whether the model sees byte letters
};
PreTokenizerStages read_pre_tokenizer(
    const nlohmann::json& json, std::string_view where);

struct ModelParts {
  std::unique_ptr<TokenModel> model;
  std::vector<std::pair<std::string, std::uint32_t>> vocab; ///< token and id
};
ModelParts read_model(
    const nlohmann::json& json, bool byte_level, std::string_view where);

/// Merges written `"a b"` or `["a", "b"]`, in order of rank. Throws FileError
/// when one is neither.
std::vector<BpeMerge> read_merges(
    const nlohmann::json& json, std::string_view where);

/// What a post-processor does: offsets, and the tokens that it puts in front of
/// a text and behind it.
struct PostProcessor {
  OffsetTrimming trimming;
  std::optional<std::string> first_token;
  std::optional<std::string> last_token;
};
PostProcessor read_post_processor(
    const nlohmann::json& json, std::string_view where);

} // namespace ma::tok
