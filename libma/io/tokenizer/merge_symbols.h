// Applying byte-pair merges: the pair of lowest rank first, the leftmost of
// equals.
#pragma once

#include <cstdint>
#include <vector>

#include "libma/io/tokenizer/token_model.h"

namespace ma::tok {

/// What a pair of tokens becomes.
struct Merge {
  std::uint32_t rank;
  std::uint32_t id;
};

/// Merges by pair of ids: a hash table with open addressing.
class MergeTable {
 public:
  /// Makes room for `count` pairs; call it before `set`.
  void reserve(std::size_t count);

  /// Sets what `left right` becomes.
  void set(std::uint32_t left, std::uint32_t right, Merge merge);

  /// What `left right` becomes, null when they do not merge.
  const Merge* find(std::uint32_t left, std::uint32_t right) const {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) {
        return &slots_[slot].merge;
      }
      if (slots_[slot].key == kEmpty) {
        return nullptr;
      }
    }
  }

 private:
  static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
  struct Slot {
    std::uint64_t key = kEmpty;
    Merge merge{};
  };

  std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 32) & mask_;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  std::size_t mask_ = 1;
};

/// Merges `tokens` from index `first` on until no pair is left. n log n in
/// their number.
void merge_symbols(
    const MergeTable& merges,
    std::vector<PieceToken>& tokens,
    std::size_t first);

} // namespace ma::tok
