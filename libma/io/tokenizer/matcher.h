// Finding where to cut: patterns that tile a text with matches and the gaps
// between them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/aligned_text.h"

namespace ma::tok {

/// A piece of text that the pattern matched, or the gap between two of them.
struct Match {
  Span span;
  bool matched;
};

/// Immutable; used by several threads.
class Matcher {
 public:
  virtual ~Matcher() = default;

  /// Appends matches and gaps of `text` (not empty, valid UTF-8) in order;
  /// together they cover it.
  virtual void find(
      std::string_view text, std::vector<Match>& matches) const = 0;
};

/// Each character with one of the class bits (char_class.h) is a match.
std::unique_ptr<Matcher> make_class_matcher(std::uint8_t classes);

/// The options in which the hand-written patterns of GPT-2's family differ.
struct WordPattern {
  bool any_case_contractions = false; ///< `(?i:'s|'t|'re|'ve|'m|'ll|'d)`
  bool any_prefix = false;    ///< `[^\r\n\p{L}\p{N}]?\p{L}+` instead of `
                              ///< ?\p{L}+`; newlines end punctuation and spaces
  std::size_t max_digits = 0; ///< `\p{N}{1,n}` without a space; 0: ` ?\p{N}+`
};

/// The words of `pattern`; they cover the whole text.
std::unique_ptr<Matcher> make_word_matcher(const WordPattern& pattern);

/// Matches of a regular expression in the syntax that Hugging Face `tokenizers`
/// takes (Oniguruma). Known patterns get the hand-written matcher, others
/// PCRE2. Throws ConfigError, located at `where`, when the pattern is invalid
/// or uses syntax that the two libraries understand differently.
std::unique_ptr<Matcher> make_regex_matcher(
    const std::string& pattern, std::string_view where);

/// Matches of `literal` itself.
std::unique_ptr<Matcher> make_literal_matcher(const std::string& literal);

/// GPT-2's pattern, which ByteLevel splits by, and those of two families that
/// replaced it.
inline constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
inline constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

} // namespace ma::tok
