// Byte-level byte-pair encoding.
#include <array>
#include <limits>

#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/merge_symbols.h"

namespace ma::tok {
namespace {

constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();

class ByteBpe : public TokenModel {
 public:
  ByteBpe(const BpeData& data, std::string_view where)
      : ignore_merges_(data.ignore_merges), fuse_unknown_(data.fuse_unknown) {
    BpeTables tables(data, where);
    unknown_ = tables.unknown;
    merges_ = std::move(tables.merges);
    add_bytes_of(tables.ids, data.word_end);
    add_words(tables.ids, data.word_end);
  }

  void tokenize(
      std::string_view piece, std::vector<PieceToken>& tokens) const override {
    const auto whole = words_.find(piece);
    if (whole != words_.end()) {
      tokens.push_back({whole->second, {0, piece.size()}});
      return;
    }
    const std::size_t first = tokens.size();
    add_bytes(piece, tokens);
    merge_symbols(merges_, tokens, first);
  }

 private:
  /// One token for each byte that has one.
  void add_bytes(
      std::string_view piece, std::vector<PieceToken>& tokens) const {
    bool after_unknown = false;
    for (std::size_t at = 0; at < piece.size(); ++at) {
      const auto& ids = at + 1 == piece.size() ? last_byte_ids_ : byte_ids_;
      const std::uint32_t id = ids[static_cast<unsigned char>(piece[at])];
      if (id != kNoToken) {
        tokens.push_back({id, {at, at + 1}});
      } else if (unknown_ && after_unknown && fuse_unknown_) {
        tokens.back().span.last = at + 1;
      } else if (unknown_) {
        tokens.push_back({*unknown_, {at, at + 1}});
      }
      after_unknown = id == kNoToken;
    }
  }

  /// The tokens of single bytes, within a piece and at its end.
  void add_bytes_of(
      const StringMap<std::uint32_t>& ids, const std::string& word_end) {
    byte_ids_.fill(kNoToken);
    last_byte_ids_.fill(kNoToken);
    for (int byte = 0; byte < 256; ++byte) {
      const std::string letter = byte_letter(static_cast<unsigned char>(byte));
      const auto inner = ids.find(letter);
      const auto last = ids.find(letter + word_end);
      const auto at = static_cast<std::size_t>(byte);
      byte_ids_[at] = inner == ids.end() ? kNoToken : inner->second;
      last_byte_ids_[at] = last == ids.end() ? kNoToken : last->second;
    }
  }

  /// Fills the table of whole pieces. A word that the merges would not put
  /// together again is left to them.
  void add_words(
      const StringMap<std::uint32_t>& ids, const std::string& word_end) {
    std::vector<PieceToken> tokens;
    for (const auto& [token, id] : ids) {
      // Pieces that stay whole are looked up as they are, without the ending.
      const std::string_view ending =
          ignore_merges_ ? std::string_view() : std::string_view(word_end);
      const std::optional<std::string> bytes =
          token.ends_with(ending)
              ? bytes_of_letters(token.substr(0, token.size() - ending.size()))
              : std::nullopt;
      if (!bytes || bytes->empty()) {
        continue; // no piece can be this token
      }
      tokens.clear();
      if (!ignore_merges_) {
        add_bytes(*bytes, tokens);
        merge_symbols(merges_, tokens, 0);
      }
      if (ignore_merges_ || (tokens.size() == 1 && tokens[0].id == id &&
                             tokens[0].span.size() == bytes->size())) {
        words_.emplace(*bytes, id);
      }
    }
  }

  bool ignore_merges_;
  bool fuse_unknown_;
  std::optional<std::uint32_t> unknown_;
  std::array<std::uint32_t, 256> byte_ids_{};
  std::array<std::uint32_t, 256> last_byte_ids_{}; ///< at the end of a piece
  StringMap<std::uint32_t> words_; ///< pieces that become one token
  MergeTable merges_;
};

} // namespace

std::unique_ptr<TokenModel> make_byte_bpe(
    const BpeData& data, std::string_view where) {
  return std::make_unique<ByteBpe>(data, where);
}

} // namespace ma::tok
