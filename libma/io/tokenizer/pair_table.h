// A hash table over pairs of ids, with open addressing.
#pragma once

#include <cstdint>
#include <vector>

namespace ma::tok {

template <class Value>
class PairTable {
 public:
  /// Makes room for `count` pairs; call it before `set`.
  void reserve(std::size_t count) {
    std::size_t size = 2;
    while (size < 2 * count + 2) {
      size *= 2;
    }
    slots_.assign(size, {});
    mask_ = size - 1;
  }

  /// Sets the value of the pair; the last one counts.
  void set(std::uint32_t left, std::uint32_t right, Value value) {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    std::size_t slot = slot_of(key);
    while (slots_[slot].key != kEmpty && slots_[slot].key != key) {
      slot = (slot + 1) & mask_;
    }
    slots_[slot] = {key, value};
  }

  /// The value of the pair, null when it has none.
  const Value* find(std::uint32_t left, std::uint32_t right) const {
    const std::uint64_t key = std::uint64_t{left} << 32 | right;
    for (std::size_t slot = slot_of(key);; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == key) {
        return &slots_[slot].value;
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
    Value value{};
  };

  std::size_t slot_of(std::uint64_t key) const {
    return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15U) >> 32) & mask_;
  }

  std::vector<Slot> slots_ = std::vector<Slot>(2);
  std::size_t mask_ = 1;
};

} // namespace ma::tok
