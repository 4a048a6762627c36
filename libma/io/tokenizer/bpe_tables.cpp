// Vocabulary and merges of byte-pair encoding, checked.
#include <array>
#include <cstdio>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/utf8.h"

namespace ma::tok {

BpeTables::BpeTables(const BpeData& data, std::string_view where) {
  ids.reserve(data.vocab.size());
  for (const auto& [token, id] : data.vocab) {
    ids[token] = id;
  }
  const auto id_of = [&](const std::string& token, const char* role) {
    const auto found = ids.find(token);
    if (found == ids.end()) {
      throw ConfigError(
          where,
          c10::str(
              role,
              " ",
              in_quotes(token),
              " is not in the vocabulary; the file is damaged"));
    }
    return found->second;
  };
  if (data.unknown_token) {
    unknown = id_of(*data.unknown_token, "the unknown token");
  }
  merges.reserve(data.merges.size());
  for (const auto& [left, right, rank] : data.merges) {
    const std::uint32_t merged = id_of(left + right, "the result of a merge");
    merges.set(
        id_of(left, "the merged token"),
        id_of(right, "the merged token"),
        {rank, merged});
  }
}

void add_merges_by_rank(
    BpeData& data, const std::vector<std::optional<std::uint32_t>>& rank_of) {
  StringMap<std::size_t> parts;
  for (std::size_t i = 0; i < data.vocab.size(); ++i) {
    if (rank_of[i]) {
      parts.emplace(data.vocab[i].first, i);
    }
  }
  for (std::size_t i = 0; i < data.vocab.size(); ++i) {
    const std::string& token = data.vocab[i].first;
    const auto rank = rank_of[i];
    for (std::size_t cut = 1; rank && cut < token.size(); ++cut) {
      if (is_continuation(token[cut])) {
        continue;
      }
      const std::string_view left = std::string_view(token).substr(0, cut);
      const std::string_view right = std::string_view(token).substr(cut);
      if (parts.contains(left) && parts.contains(right)) {
        data.merges.push_back({std::string(left), std::string(right), *rank});
      }
    }
  }
}

std::string byte_token(unsigned char byte) {
  std::array<char, 8> text{};
  std::snprintf(text.data(), text.size(), "<0x%02X>", unsigned{byte});
  return text.data();
}

} // namespace ma::tok
