// Applying byte-pair merges.
#include "libma/io/tokenizer/merge_symbols.h"

#include <array>
#include <limits>
#include <queue>

namespace ma::tok {
namespace {

/// Up to here trying all pairs in turn is faster than a queue.
constexpr std::size_t kShortPiece = 64;
constexpr std::uint32_t kNoMerge = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

void merge_short(
    const MergeTable& merges,
    std::vector<PieceToken>& tokens,
    std::size_t first) {
  PieceToken* const symbols = tokens.data() + first;
  std::size_t count = tokens.size() - first;
  std::array<Merge, kShortPiece> pairs; // of each symbol with the next
  const auto look_up = [&](std::size_t i) {
    const Merge* const merge = merges.find(symbols[i].id, symbols[i + 1].id);
    pairs[i] = merge != nullptr ? *merge : Merge{kNoMerge, 0};
  };
  for (std::size_t i = 0; i + 1 < count; ++i) {
    look_up(i);
  }
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (pairs[i].rank < pairs[best].rank) {
        best = i;
      }
    }
    if (pairs[best].rank == kNoMerge) {
      break;
    }
    symbols[best] = {
        pairs[best].id,
        {symbols[best].span.first, symbols[best + 1].span.last}};
    --count;
    for (std::size_t i = best + 1; i < count; ++i) {
      symbols[i] = symbols[i + 1];
      pairs[i] = pairs[i + 1];
    }
    if (best + 1 < count) {
      look_up(best);
    }
    if (best > 0) {
      look_up(best - 1);
    }
  }
  tokens.resize(first + count);
}

/// Symbols as a linked list and the possible merges in a queue.
class LongPiece {
 public:
  LongPiece(const MergeTable& merges, PieceToken* symbols, std::size_t count)
      : merges_(merges), symbols_(symbols), links_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      links_[i] = {i == 0 ? kNone : i - 1, i + 1 == count ? kNone : i + 1};
    }
    for (std::size_t i = 0; i + 1 < count; ++i) {
      push(i);
    }
  }

  void merge_all() {
    while (!queue_.empty()) {
      const Candidate top = queue_.top();
      queue_.pop();
      const std::size_t next = links_[top.at].next;
      if (symbols_[top.at].id != top.left || next == kNone ||
          symbols_[next].id != top.right) {
        continue; // one of the two has been merged in the meantime
      }
      symbols_[top.at] = {
          top.merge.id,
          {symbols_[top.at].span.first, symbols_[next].span.last}};
      symbols_[next].id = kNoMerge;
      links_[top.at].next = links_[next].next;
      if (links_[next].next != kNone) {
        links_[links_[next].next].previous = top.at;
      }
      if (links_[top.at].previous != kNone) {
        push(links_[top.at].previous);
      }
      push(top.at);
    }
  }

 private:
  struct Links {
    std::size_t previous;
    std::size_t next;
  };
  struct Candidate {
    Merge merge;
    std::size_t at;
    std::uint32_t left;
    std::uint32_t right;
    bool operator<(const Candidate& other) const { // the greatest comes first
      return merge.rank != other.merge.rank ? merge.rank > other.merge.rank
                                            : at > other.at;
    }
  };

  void push(std::size_t at) {
    const std::size_t next = links_[at].next;
    if (next == kNone) {
      return;
    }
    if (const Merge* const merge =
            merges_.find(symbols_[at].id, symbols_[next].id)) {
      queue_.push({*merge, at, symbols_[at].id, symbols_[next].id});
    }
  }

  const MergeTable& merges_;
  PieceToken* symbols_;
  std::vector<Links> links_;
  std::priority_queue<Candidate> queue_;
};

} // namespace

void merge_symbols(
    const MergeTable& merges,
    std::vector<PieceToken>& tokens,
    std::size_t first) {
  const std::size_t count = tokens.size() - first;
  if (count <= kShortPiece) {
    merge_short(merges, tokens, first);
    return;
  }
  LongPiece(merges, tokens.data() + first, count).merge_all();
  std::size_t kept = first;
  for (std::size_t i = first; i < tokens.size(); ++i) {
    if (tokens[i].id != kNoMerge) {
      tokens[kept++] = tokens[i];
    }
  }
  tokens.resize(kept);
}

} // namespace ma::tok
