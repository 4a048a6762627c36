// Byte strings and what each stands for, found by their beginnings.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/pair_table.h"

namespace ma::tok {

/// A trie over bytes. Node 0 is the root.
class ByteTrie {
 public:
  static constexpr std::uint32_t kNoValue = 0xFFFFFFFF;

  /// Makes room for strings of `bytes` in total; call it before `insert`.
  explicit ByteTrie(std::size_t bytes) { children_.reserve(bytes); }

  /// Sets what `text`, not empty, stands for.
  void insert(std::string_view text, std::uint32_t value) {
    std::uint32_t node = 0;
    for (const char byte : text) {
      std::uint32_t next = child(node, byte);
      if (next == 0) {
        next = static_cast<std::uint32_t>(values_.size());
        children_.set(node, static_cast<unsigned char>(byte), next);
        values_.push_back(kNoValue);
      }
      node = next;
    }
    values_[node] = value;
  }

  /// The node behind `byte`, 0 when there is none.
  std::uint32_t child(std::uint32_t node, char byte) const {
    const std::uint32_t* const found =
        children_.find(node, static_cast<unsigned char>(byte));
    return found == nullptr ? 0 : *found;
  }

  /// What the string that ends at `node` stands for, or kNoValue.
  std::uint32_t value(std::uint32_t node) const { return values_[node]; }

  bool empty() const { return values_.size() == 1; }

 private:
  PairTable<std::uint32_t> children_;
  std::vector<std::uint32_t> values_{kNoValue};
};

} // namespace ma::tok
