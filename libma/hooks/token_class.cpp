// Token classes: by text for a vocabulary, by place for a row.
#include "libma/hooks/token_class.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"

namespace ma {
namespace {

/// Words of weak meaning: the paper names "and", "from", "of" and "2"; these
/// are the function words and digits like them.
constexpr std::array<std::string_view, 38> kWeakWords = {
    "a",    "an",  "and",  "as",  "at",    "be",   "but", "by",   "for", "from",
    "if",   "in",  "into", "is",  "it",    "nor",  "of",  "on",   "or",  "so",
    "that", "the", "to",   "was", "which", "with", "are", "were", "0",   "1",
    "2",    "3",   "4",    "5",   "6",     "7",    "8",   "9"};

/// `text` without blanks and carriage returns at its ends, lower case.
std::string normalised(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    return {};
  }
  std::string word(
      text.substr(first, text.find_last_not_of(kBlanks) - first + 1));
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) {
    return c < 128 ? static_cast<char>(std::tolower(c)) : static_cast<char>(c);
  });
  return word;
}

/// "." or newlines, or both (".\n" is one token in some vocabularies).
bool is_strong_delimiter(std::string_view word) {
  return !word.empty() &&
         word.find_first_not_of(".\n\r ") == std::string_view::npos &&
         std::count(word.begin(), word.end(), '.') <= 1;
}

TokenClass class_in_table(const torch::Tensor& table, std::int64_t id) {
  if (!table.defined()) {
    return TokenClass::kWord;
  }
  if (id < 0 || id >= table.numel()) {
    throw ShapeError(
        "token classes",
        c10::str(
            "id ", id, " is outside the table of ", table.numel(), " tokens"));
  }
  return static_cast<TokenClass>(table.const_data_ptr<std::int8_t>()[id]);
}

} // namespace

std::string_view token_class_name(TokenClass token_class) {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {
        "start",
        "strong_delimiter",
        "delimiter",
        "weak_word",
        "word",
        "cls",
        "distillation",
        "patch"};
    for (std::int64_t i = 0; i < kMostRegisters; ++i) {
      all.push_back(c10::str("register:", i));
    }
    return all;
  }();
  return names.at(static_cast<std::size_t>(token_class));
}

TokenClass register_class(std::int64_t number) {
  if (number < 0 || number >= kMostRegisters) {
    throw ConfigError(
        "register",
        c10::str(
            number, " is out of range; at most ", kMostRegisters, " are read"));
  }
  return static_cast<TokenClass>(
      static_cast<std::int64_t>(TokenClass::kRegister) + number);
}

TokenClass classify_text(std::string_view text) {
  const std::string word = normalised(text);
  if (is_strong_delimiter(word)) {
    return TokenClass::kStrongDelimiter;
  }
  if (word == "," || word == "'") {
    return TokenClass::kDelimiter;
  }
  const bool is_weak =
      std::find(kWeakWords.begin(), kWeakWords.end(), word) != kWeakWords.end();
  return is_weak ? TokenClass::kWeakWord : TokenClass::kWord;
}

torch::Tensor classify_tokens(
    const TokenBatch& batch, const torch::Tensor& table) {
  const auto ids = batch.ids.to(torch::kCPU).contiguous();
  const auto texts = table.defined()
                         ? table.to(torch::kCPU, torch::kInt8).contiguous()
                         : table;
  auto classes = at::full(ids.sizes(), -1, torch::kInt8); // [batch, pos]
  const auto rows =
      real_tokens(&batch, ids.size(0), ids.size(1), "token classes");
  for (std::int64_t row = 0; row < ids.size(0); ++row) {
    const auto* id = ids.const_data_ptr<std::int64_t>() + row * ids.size(1);
    auto* row_classes =
        classes.mutable_data_ptr<std::int8_t>() + row * ids.size(1);
    bool has_strong = false;
    const RealTokens& tokens = rows[static_cast<std::size_t>(row)];
    for (std::int64_t position = 0; position < tokens.count; ++position) {
      const auto column = tokens.column(position);
      TokenClass token_class = position == 0
                                   ? TokenClass::kStart
                                   : class_in_table(texts, id[column]);
      if (token_class == TokenClass::kStrongDelimiter) {
        token_class =
            has_strong ? TokenClass::kDelimiter : TokenClass::kStrongDelimiter;
        has_strong = true;
      }
      row_classes[column] = static_cast<std::int8_t>(token_class);
    }
  }
  return classes;
}

} // namespace ma
