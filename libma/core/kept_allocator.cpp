// One pool for all threads.
#include "libma/core/kept_allocator.h"

namespace ma {

std::pmr::memory_resource& kept_memory() {
  // Never destroyed: containers of static duration may still use it.
  static auto* pool = new std::pmr::synchronized_pool_resource;
  return *pool;
}

} // namespace ma
