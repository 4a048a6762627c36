// Finding added tokens in a text, with the rules of Hugging Face's
// AddedVocabulary.
#include "libma/io/tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"

namespace ma::tok {
namespace {

std::uint8_t class_before(std::string_view text, std::size_t at) {
  do {
    --at;
  } while (at > 0 && is_continuation(text[at]));
  const char* character = text.data() + at;
  return CharClasses::instance().of(next_code_point(character));
}

std::uint8_t class_behind(std::string_view text, std::size_t at) {
  const char* character = text.data() + at;
  return CharClasses::instance().of(next_code_point(character));
}

bool touches_word(std::string_view text, Span span) {
  return (span.first > 0 && (class_before(text, span.first) & kWord) != 0) ||
         (span.last < text.size() &&
          (class_behind(text, span.last) & kWord) != 0);
}

std::size_t start_of_space(std::string_view text, std::size_t at) {
  while (at > 0 && (class_before(text, at) & kSpace) != 0) {
    do {
      --at;
    } while (is_continuation(text[at]));
  }
  return at;
}

std::size_t end_of_space(std::string_view text, std::size_t at) {
  while (at < text.size() && (class_behind(text, at) & kSpace) != 0) {
    at += utf8_length(text[at]);
  }
  return at;
}

std::size_t total_size(const std::vector<std::string>& texts) {
  std::size_t size = 0;
  for (const std::string& text : texts) {
    size += text.size();
  }
  return size;
}

} // namespace

AddedTokenFinder::AddedTokenFinder(
    std::vector<const AddedToken*> tokens,
    const std::vector<std::string>& patterns)
    : tokens_(std::move(tokens)), trie_(total_size(patterns)) {
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (!patterns[i].empty()) {
      starts_token_[static_cast<unsigned char>(patterns[i].front())] = true;
      trie_.insert(patterns[i], static_cast<std::uint32_t>(i));
    }
  }
}

Section AddedTokenFinder::longest_at(
    std::string_view text, std::size_t at) const {
  Section longest;
  std::uint32_t node = 0;
  for (std::size_t i = at; i < text.size(); ++i) {
    node = trie_.child(node, text[i]);
    if (node == 0) {
      break;
    }
    if (const std::uint32_t found = trie_.value(node);
        found != ByteTrie::kNoValue) {
      longest = {{at, i + 1}, tokens_[found]};
    }
  }
  return longest;
}

std::vector<Section> AddedTokenFinder::split(
    std::string_view text, bool parse_special) const {
  std::vector<Section> sections;
  std::size_t covered = 0;
  for (std::size_t at = 0; !trie_.empty() && at < text.size();) {
    const bool candidate = starts_token_[static_cast<unsigned char>(text[at])];
    const Section found = candidate ? longest_at(text, at) : Section{};
    if (found.token == nullptr) {
      ++at;
      continue;
    }
    at = found.span.last;
    const AddedToken& token = *found.token;
    if ((token.special && !parse_special) ||
        (token.single_word && touches_word(text, found.span))) {
      continue;
    }
    Span span = found.span;
    if (token.lstrip) {
      span.first = std::max(start_of_space(text, span.first), covered);
    }
    if (token.rstrip) {
      span.last = end_of_space(text, span.last);
    }
    if (covered < span.first) {
      sections.push_back({{covered, span.first}, nullptr});
    }
    sections.push_back({span, &token});
    covered = span.last;
  }
  if (covered != text.size()) {
    sections.push_back({{covered, text.size()}, nullptr});
  }
  return sections;
}

} // namespace ma::tok
