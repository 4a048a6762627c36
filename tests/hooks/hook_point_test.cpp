#include "libma/hooks/hook_point.h"

#include <stdexcept>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

torch::Tensor call(const HookFn& fn, const torch::Tensor& x) {
  return call_hook(fn, x, make_site("embed"));
}

TEST(HookPointTest, WithoutHooksPassesTheTensorItself) {
  const HookPoint point(make_site("embed"));
  const auto x = at::zeros({1, 2, 3});
  EXPECT_EQ(point(x).unsafeGetTensorImpl(), x.unsafeGetTensorImpl());
  EXPECT_FALSE(point.active());
}

TEST(CallHookTest, WritingInPlaceThrowsAndNamesTheSite) {
  const auto x = at::zeros({1, 2, 3});
  try {
    call([](const torch::Tensor& t, const HookSite&) { return t.add_(1); }, x);
    FAIL();
  } catch (const ShapeError& error) {
    EXPECT_THAT(
        error.what(), HasSubstr("[embed] a hook wrote to its input in place"));
  }
}

TEST(CallHookTest, WritingToAViewInPlaceThrowsToo) {
  const auto write = [](const torch::Tensor& t, const HookSite&) {
    t[0][0].fill_(7);
    return t;
  };
  EXPECT_THROW(call(write, at::zeros({1, 2, 3})), ShapeError);
}

TEST(CallHookTest, AnotherShapeDtypeOrNoTensorThrows) {
  const auto x = at::zeros({1, 2, 3});
  EXPECT_THROW(
      call([](const auto& t, const auto&) { return t.unsqueeze(0); }, x),
      ShapeError);
  EXPECT_THROW(
      call([](const auto& t, const auto&) { return t.to(torch::kFloat64); }, x),
      ShapeError);
  EXPECT_THROW(
      call([](const auto&, const auto&) { return torch::Tensor(); }, x),
      ShapeError);
}

TEST(CallHookTest, AnExceptionOfTheHookArrivesUnchanged) {
  const HookFn fails = [](const torch::Tensor&,
                          const HookSite&) -> torch::Tensor {
    throw std::out_of_range("mine");
  };
  EXPECT_THROW(call(fails, at::zeros({1})), std::out_of_range);
}

TEST(TokenBatchTest, AcceptsOneRow) {
  const TokenBatch batch(at::tensor({5, 6, 7}, torch::kInt64));
  EXPECT_THAT(batch.ids.sizes().vec(), ElementsAre(1, 3));
  EXPECT_FALSE(batch.mask.defined());
}

TEST(TokenBatchTest, DropsAMaskWithoutPadding) {
  const TokenBatch batch(
      at::zeros({2, 3}, torch::kInt64), at::ones({2, 3}, torch::kInt64));
  EXPECT_FALSE(batch.mask.defined());
}

TEST(TokenBatchTest, RejectsWhatIsNoBatch) {
  EXPECT_THROW(TokenBatch(at::zeros({2, 3}, torch::kInt32)), ShapeError);
  EXPECT_THROW(TokenBatch(at::zeros({2, 0}, torch::kInt64)), ShapeError);
  EXPECT_THROW(
      TokenBatch(at::zeros({2, 3}, torch::kInt64), at::ones({2, 2})),
      ShapeError);
  EXPECT_THROW(
      TokenBatch(
          at::zeros({2, 3}, torch::kInt64),
          at::tensor({1, 1, 1, 0, 0, 0}).view({2, 3})),
      ShapeError);
}

TEST(TokenBatchTest, FirstPositionsAreTheFirstRealTokens) {
  const TokenBatch padded(
      at::zeros({3, 3}, torch::kInt64),
      at::tensor({0, 0, 1, 1, 1, 0, 0, 1, 1}).view({3, 3}));
  EXPECT_THAT(first_positions(padded, 3), ElementsAre(2, 0, 1));
  EXPECT_THAT(first_positions(TokenBatch{}, 2), ElementsAre(0, 0));
}

} // namespace
} // namespace ma
