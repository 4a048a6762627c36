// The two kinds of file that are called tokenizer.model.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "libma/io/tokenizer/added_tokens.h"
#include "libma/io/tokenizer/pipeline.h"

namespace ma::tok {

/// The parts that `bytes`, the content of a SentencePiece model, make; without
/// edges. Throws FileError when they are no such model.
struct ModelFileParts {
  TokenizerParts parts;
  std::optional<std::string> bos;
  std::optional<std::string> eos;
};
ModelFileParts sentencepiece_parts(
    const std::string& bytes, const std::filesystem::path& file);

/// Whether `bytes` begin like a file of ranks: base64, a space, a number.
bool looks_like_tiktoken(std::string_view bytes);

/// The parts that `bytes`, LLaMA 3's file of ranks, make. Throws FileError when
/// they are damaged, ConfigError when they are of another model, whose
/// pre-tokenizer the file does not tell.
ModelFileParts tiktoken_parts(
    const std::string& bytes, const std::filesystem::path& file);

/// The tokens that the files beside `file` add: tokenizer_config.json
/// (`added_tokens_decoder`) and added_tokens.json. They replace those of
/// `parts` with the same id.
void add_tokens_of_folder(
    const std::filesystem::path& file, TokenizerParts& parts);

} // namespace ma::tok
