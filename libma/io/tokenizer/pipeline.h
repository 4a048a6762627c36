// The stages put together: added tokens, normalizer, pre-tokenizer, model,
// offsets; and back.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libma/io/tokenizer/added_tokens.h"
#include "libma/io/tokenizer/decoder.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/tokenizer/pre_tokenizer.h"
#include "libma/io/tokenizer/token_model.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma::tok {

/// What Hugging Face's ByteLevel post-processor does with offsets.
struct OffsetTrimming {
  bool enabled =
      false; ///< leave white space at both ends of a token out of its offsets
  bool keep_prefix_space =
      false; ///< but not a single space in front of the text
};

/// The tokens at the edges of a text, as the checkpoint has them.
struct EdgeTokens {
  std::optional<std::int64_t> bos;
  std::optional<std::int64_t> eos;
  bool adds_bos = false;
};

/// Everything that makes a tokenizer.
struct TokenizerParts {
  std::string where;              ///< the file, for error messages
  std::vector<std::string> vocab; ///< by id; empty where an id is not used
  std::vector<AddedToken> added;
  NormalizerPtr normalizer; ///< may be null
  PreTokenizerPtr pre_tokenizer;
  std::unique_ptr<TokenModel> model;
  DecoderPtr decoder;
  OffsetTrimming trimming;
  EdgeTokens edges;
};

/// The tokenizer made of `parts`.
std::unique_ptr<Tokenizer> make_pipeline(TokenizerParts parts);

/// A tokenizer.json. Throws ConfigError when it has a stage that is not
/// supported, FileError when it is damaged.
std::unique_ptr<Tokenizer> load_tokenizer_json(
    const std::filesystem::path& file);

/// The metadata of a GGUF file. Throws as load_tokenizer_json.
std::unique_ptr<Tokenizer> load_tokenizer_gguf(
    const std::filesystem::path& file);

/// A tokenizer.model: SentencePiece's, or the ranks of LLaMA 3 (tiktoken).
/// Throws as load_tokenizer_json.
std::unique_ptr<Tokenizer> load_tokenizer_model(
    const std::filesystem::path& file);

} // namespace ma::tok
