#include "libma/core/kept_allocator.h"

#include <cstdint>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

struct alignas(64) CacheLine {
  std::int64_t number = 0;
};

TEST(KeptAllocatorTest, MapsInMapsAreCopiedWhole) {
  KeptMap<int, KeptMap<int, std::string>> first;
  first[1][2] = "a string too long for the space inside the object itself";
  first[1][1] = "one";
  auto second = first;
  first[1].erase(2);
  EXPECT_THAT(first[1], ElementsAre(Pair(1, "one")));
  EXPECT_EQ(second[1].size(), 2);
}

TEST(KeptAllocatorTest, SetsOrderAndForget) {
  KeptSet<std::int64_t> numbers;
  for (const std::int64_t number : {5, 3, 5, 9}) {
    numbers.insert(number);
  }
  numbers.erase(3);
  EXPECT_THAT(numbers, ElementsAre(5, 9));
}

TEST(KeptAllocatorTest, BlocksAreAligned) {
  // So many that the pool asks the heap, which aligns to less unless told.
  std::vector<CacheLine, KeptAllocator<CacheLine>> lines(100'000);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(lines.data()) % 64, 0);
}

TEST(KeptAllocatorTest, FreedBlocksGoBackToThePool) {
  auto* block = KeptAllocator<CacheLine>().allocate(1);
  KeptAllocator<CacheLine>().deallocate(block, 1);
  void* other = kept_memory().allocate(sizeof(CacheLine), alignof(CacheLine));
  EXPECT_EQ(other, block);
  kept_memory().deallocate(other, sizeof(CacheLine), alignof(CacheLine));
}

} // namespace
} // namespace ma
