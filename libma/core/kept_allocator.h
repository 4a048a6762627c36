// Memory for small blocks that outlive the passes they are made in.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory_resource>
#include <set>
#include <utility>

namespace ma {

/// A pool of the process for small blocks, in chunks that grow; what is freed
/// stays there.
std::pmr::memory_resource& kept_memory();

/// An allocator for nodes that stay while activations come and go. Taken from
/// the heap they would stand in the gaps that freed activations leave, which
/// then are too short for the next ones, and the heap would grow with every
/// pass.
template <class T>
struct KeptAllocator {
  using value_type = T;

  KeptAllocator() = default;
  template <class U>
  explicit KeptAllocator(const KeptAllocator<U>& /*other*/) {}

  T* allocate(std::size_t n) {
    return static_cast<T*>(kept_memory().allocate(n * sizeof(T), alignof(T)));
  }
  void deallocate(T* block, std::size_t n) {
    kept_memory().deallocate(block, n * sizeof(T), alignof(T));
  }
  template <class U>
  bool operator==(const KeptAllocator<U>& /*other*/) const {
    return true;
  }
};

template <class Key, class Value>
using KeptMap = std::
    map<Key, Value, std::less<Key>, KeptAllocator<std::pair<const Key, Value>>>;

template <class Key>
using KeptSet = std::set<Key, std::less<Key>, KeptAllocator<Key>>;

} // namespace ma
