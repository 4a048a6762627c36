// Byte-pair encoding over characters, with SentencePiece's byte fallback.
//
// Pieces may be whole texts. Two neighbouring characters that no merge ever
// joins cannot influence each other's merges, so that a text falls into short
// stretches, most of which are words of the vocabulary.
#include <algorithm>
#include <array>
#include <limits>

#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/code_points.h"

namespace ma::tok {
namespace {

constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();

/// Tokens of single characters.
class CharTokens {
 public:
  explicit CharTokens(const StringMap<std::uint32_t>& ids)
      : common_(0x10000, kNoToken) {
    for (const auto& [token, id] : ids) {
      if (token.empty() || utf8_length(token[0]) != token.size()) {
        continue;
      }
      const char* at = token.data();
      const char32_t c = next_code_point(at);
      if (c < common_.size()) {
        common_[c] = id;
      } else {
        others_[c] = id;
      }
    }
  }

  std::uint32_t of(char32_t c) const {
    if (c < common_.size()) {
      return common_[c];
    }
    const auto found = others_.find(c);
    return found == others_.end() ? kNoToken : found->second;
  }

 private:
  std::vector<std::uint32_t> common_;
  std::unordered_map<char32_t, std::uint32_t> others_;
};

std::string_view first_character(std::string_view text) {
  return text.substr(0, utf8_length(text.front()));
}

std::string_view last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (is_continuation(text[at])) {
    --at;
  }
  return text.substr(at);
}

class CharBpe : public TokenModel {
 public:
  CharBpe(const BpeData& data, std::string_view where)
      : fuse_unknown_(data.fuse_unknown),
        tables_(data, where),
        characters_(tables_.ids) {
    bytes_.fill(kNoToken);
    for (int byte = 0; data.byte_fallback && byte < 256; ++byte) {
      const auto value = static_cast<unsigned char>(byte);
      const auto found = tables_.ids.find(byte_token(value));
      bytes_[value] = found == tables_.ids.end() ? kNoToken : found->second;
    }
    add_joints(data);
    if (data.ignore_merges) {
      whole_ = tables_.ids;
    }
    add_words();
    tables_.ids.clear();
  }

  void tokenize(
      std::string_view piece, std::vector<PieceToken>& tokens) const override {
    if (const auto whole = whole_.find(piece); whole != whole_.end()) {
      tokens.push_back({whole->second, {0, piece.size()}});
      return;
    }
    std::size_t first = tokens.size(); // of the stretch that is open
    add_symbols(piece, tokens, [&] {
      const std::size_t last = tokens.size() - 1;
      if (last > first && !joins(tokens[last - 1].id, tokens[last].id)) {
        const PieceToken next = tokens.back();
        tokens.pop_back();
        merge(piece, tokens, first);
        first = tokens.size();
        tokens.push_back(next);
      }
    });
    merge(piece, tokens, first);
  }

 private:
  /// One token for each character, byte or unknown; calls `added` after each.
  template <class Added>
  void add_symbols(
      std::string_view piece,
      std::vector<PieceToken>& tokens,
      const Added& added) const {
    Span unknown; // empty where there is none; it waits for the next character
    const auto add = [&](std::uint32_t id, Span span) {
      tokens.push_back({id, span});
      added();
    };
    const auto flush = [&] {
      if (unknown.size() != 0) {
        add(*tables_.unknown, unknown);
        unknown = {};
      }
    };
    for (const char* at = piece.data(); at != piece.data() + piece.size();) {
      const auto first = static_cast<std::size_t>(at - piece.data());
      const std::uint32_t id = characters_.of(next_code_point(at));
      const Span span{first, static_cast<std::size_t>(at - piece.data())};
      if (id != kNoToken) {
        flush();
        add(id, span);
      } else if (has_bytes(slice(piece, span))) {
        for (std::size_t byte = span.first; byte < span.last; ++byte) {
          add(byte_id(piece[byte]), {byte, byte + 1});
        }
      } else if (tables_.unknown) {
        if (!fuse_unknown_) {
          flush();
        }
        unknown = {unknown.size() == 0 ? span.first : unknown.first, span.last};
      }
    }
    flush();
  }

  std::uint32_t byte_id(char byte) const {
    return bytes_[static_cast<unsigned char>(byte)];
  }

  bool has_bytes(std::string_view character) const {
    return std::all_of(character.begin(), character.end(), [this](char byte) {
      return byte_id(byte) != kNoToken;
    });
  }

  bool joins(std::uint32_t left, std::uint32_t right) const {
    return joins_all_ || joints_.find(left, right) != nullptr;
  }

  /// Merges the stretch of `tokens` from index `first` on.
  void merge(
      std::string_view piece,
      std::vector<PieceToken>& tokens,
      std::size_t first) const {
    if (tokens.size() - first < 2) {
      return;
    }
    const Span span{tokens[first].span.first, tokens.back().span.last};
    if (const auto word = words_.find(slice(piece, span));
        word != words_.end()) {
      tokens.resize(first);
      tokens.push_back({word->second, span});
    } else {
      merge_symbols(tables_.merges, tokens, first);
    }
  }

  /// Notes which neighbours a merge can join: the last character of a left
  /// token and the first of its right one.
  void add_joints(const BpeData& data) {
    joints_.reserve(data.merges.size());
    for (const auto& [left, right, rank] : data.merges) {
      if (left.empty() || right.empty() || is_atom(left) || is_atom(right)) {
        joins_all_ = true; // a merge of more than characters: never cut
        return;
      }
      const auto last = tables_.ids.find(last_character(left));
      const auto first = tables_.ids.find(first_character(right));
      if (last != tables_.ids.end() && first != tables_.ids.end()) {
        joints_.set(last->second, first->second, true);
      }
    }
  }

  /// Whether `token` can stand for something without being spelled by its
  /// characters.
  bool is_atom(const std::string& token) const {
    const std::uint32_t id = tables_.ids.at(token);
    return id == tables_.unknown ||
           std::find(bytes_.begin(), bytes_.end(), id) != bytes_.end();
  }

  /// Notes the tokens that the merges put together from their characters.
  void add_words() {
    StringMap<std::uint32_t> words;
    std::vector<PieceToken> tokens;
    for (const auto& [token, id] : tables_.ids) {
      tokens.clear();
      add_symbols(token, tokens, [] {});
      merge_symbols(tables_.merges, tokens, 0);
      if (tokens.size() == 1 && tokens[0].id == id &&
          tokens[0].span.size() == token.size()) {
        words.emplace(token, id);
      }
    }
    words_ = std::move(words);
  }

  bool fuse_unknown_;
  bool joins_all_ = false;
  BpeTables tables_;
  CharTokens characters_;
  std::array<std::uint32_t, 256> bytes_{}; ///< byte fallback
  PairTable<bool> joints_;
  StringMap<std::uint32_t> words_; ///< stretches that become one token
  StringMap<std::uint32_t> whole_; ///< pieces that stay whole
};

} // namespace

std::unique_ptr<TokenModel> make_char_bpe(
    const BpeData& data, std::string_view where) {
  return std::make_unique<CharBpe>(data, where);
}

} // namespace ma::tok
