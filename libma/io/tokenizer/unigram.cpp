// The unigram language model, by Viterbi's algorithm as Hugging Face and
// SentencePiece (`EncodeOptimized`) run it.
#include "libma/io/tokenizer/unigram.h"

#include <algorithm>
#include <array>
#include <limits>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/bpe.h"
#include "libma/io/tokenizer/byte_trie.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

/// What an unknown character costs more than the worst token.
constexpr double kUnknownPenalty = 10.0;
constexpr std::uint32_t kNoToken = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

std::size_t total_size(const UnigramData& data) {
  std::size_t size = 0;
  for (const auto& [token, score] : data.vocab) {
    size += token.size();
  }
  return size;
}

class Unigram : public TokenModel {
 public:
  Unigram(const UnigramData& data, std::string_view where)
      : where_(where), unknown_(data.unknown), trie_(total_size(data)) {
    if (unknown_ && *unknown_ >= data.vocab.size()) {
      throw ConfigError(
          where,
          c10::str(
              "unk_id is ", *unknown_, "; ids are below ", data.vocab.size()));
    }
    double lowest = std::numeric_limits<double>::infinity();
    for (std::size_t id = 0; id < data.vocab.size(); ++id) {
      const auto& [token, score] = data.vocab[id];
      if (!token.empty()) {
        trie_.insert(token, static_cast<std::uint32_t>(id));
      }
      scores_.push_back(score);
      lowest = std::min(lowest, score);
    }
    unknown_score_ = lowest - kUnknownPenalty;
    bytes_.fill(kNoToken);
    for (int byte = 0; data.byte_fallback && byte < 256; ++byte) {
      const auto value = static_cast<unsigned char>(byte);
      bytes_[value] = find(byte_token(value));
    }
  }

  void tokenize(
      std::string_view piece, std::vector<PieceToken>& tokens) const override {
    const std::vector<Node> best = best_paths(piece);
    std::vector<Span> spans; // from the last one to the first
    bool fusing = false;
    for (std::size_t last = piece.size(); last > 0;) {
      const Node& node = best[last];
      const bool unknown = node.id == unknown_;
      if (unknown && fusing) {
        spans.back().first = node.start;
      } else {
        spans.push_back({node.start, last});
      }
      fusing = unknown;
      last = node.start;
    }
    for (auto span = spans.rbegin(); span != spans.rend(); ++span) {
      emit(piece, *span, tokens);
    }
  }

 private:
  /// The best way to come to a position: its last token.
  struct Node {
    double score = 0;
    std::size_t start = kNone;
    std::uint32_t id = 0;
  };

  std::vector<Node> best_paths(std::string_view piece) const {
    std::vector<Node> best(piece.size() + 1);
    for (std::size_t start = 0; start < piece.size();) {
      const std::size_t length = utf8_length(piece[start]);
      const double so_far = best[start].score;
      const auto offer = [&](std::size_t end, double score, std::uint32_t id) {
        if (best[end].start == kNone || score > best[end].score) {
          best[end] = {score, start, id};
        }
      };
      bool has_single = false;
      std::uint32_t node = 0;
      for (std::size_t at = start; at < piece.size(); ++at) {
        node = trie_.child(node, piece[at]);
        if (node == 0) {
          break;
        }
        if (const std::uint32_t id = trie_.value(node);
            id != ByteTrie::kNoValue) {
          offer(at + 1, scores_[id] + so_far, id);
          has_single = has_single || at + 1 - start == length;
        }
      }
      if (!has_single) {
        offer(start + length, unknown_score_ + so_far, unknown(piece, start));
      }
      start += length;
    }
    return best;
  }

  std::uint32_t unknown(std::string_view piece, std::size_t at) const {
    if (!unknown_) {
      throw Error(
          where_,
          c10::str(
              "the vocabulary has neither ",
              in_quotes(piece.substr(at, utf8_length(piece[at]))),
              " nor an unknown token; give a text without it"));
    }
    return *unknown_;
  }

  /// The id of `token`, kNoToken when it has none.
  std::uint32_t find(std::string_view token) const {
    std::uint32_t node = 0;
    for (const char byte : token) {
      node = trie_.child(node, byte);
      if (node == 0) {
        return kNoToken;
      }
    }
    return trie_.value(node);
  }

  void emit(std::string_view piece, Span span, std::vector<PieceToken>& tokens)
      const {
    const std::string_view text = slice(piece, span);
    const std::uint32_t id = find(text);
    if (id != kNoToken) {
      tokens.push_back({id, span});
      return;
    }
    const auto byte_id = [this](char byte) {
      return bytes_[static_cast<unsigned char>(byte)];
    };
    const bool has_bytes =
        std::all_of(text.begin(), text.end(), [&](char byte) {
          return byte_id(byte) != kNoToken;
        });
    if (!has_bytes) {
      tokens.push_back({unknown(piece, span.first), span});
      return;
    }
    for (const char byte : text) {
      tokens.push_back({byte_id(byte), span});
    }
  }

  std::string where_;
  std::optional<std::uint32_t> unknown_;
  ByteTrie trie_;              ///< values are ids
  std::vector<double> scores_; ///< by id
  double unknown_score_ = 0;
  std::array<std::uint32_t, 256> bytes_{}; ///< byte fallback
};

} // namespace

std::unique_ptr<TokenModel> make_unigram(
    const UnigramData& data, std::string_view where) {
  return std::make_unique<Unigram>(data, where);
}

} // namespace ma::tok
