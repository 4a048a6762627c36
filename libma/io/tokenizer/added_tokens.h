// Tokens that are found in the text before the model sees it: special ones
// ("<|endoftext|>") and others added to a vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/aligned_text.h"
#include "libma/io/tokenizer/byte_trie.h"

namespace ma::tok {

/// The flags are those of Hugging Face's AddedToken.
struct AddedToken {
  std::uint32_t id = 0;
  std::string content;
  bool single_word = false; ///< only where no word character touches it
  bool lstrip = false;      ///< takes the white space before it along
  bool rstrip = false;      ///< takes the white space behind it along
  bool normalized =
      false; ///< found in the normalised text, by its normalised content
  bool special = false; ///< left out by decode(skip_special), left alone by
                        ///< encode without parse_special
};

/// A stretch of text: an added token, or what lies between two of them.
struct Section {
  Span span;
  const AddedToken* token = nullptr; ///< null for ordinary text
};

/// Finds tokens in a text: the leftmost first, the longest of those that start
/// there.
class AddedTokenFinder {
 public:
  /// `tokens` must outlive this object and stay where they are; `patterns` says
  /// how each is written in the text.
  AddedTokenFinder(
      std::vector<const AddedToken*> tokens,
      const std::vector<std::string>& patterns);

  /// Cuts `text` into sections that cover it, in order. Special tokens are
  /// ordinary text unless `parse_special`.
  std::vector<Section> split(std::string_view text, bool parse_special) const;

 private:
  /// The longest token at `text[at]` and its end, null when none starts there.
  Section longest_at(std::string_view text, std::size_t at) const;

  std::vector<const AddedToken*> tokens_;
  ByteTrie trie_;                        ///< values are indices of `tokens_`
  std::array<bool, 256> starts_token_{}; ///< by first byte
};

} // namespace ma::tok
