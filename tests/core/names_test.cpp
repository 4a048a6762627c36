#include "libma/core/names.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

TEST(NearestNamesTest, PutsTheSmallestEditDistanceFirst) {
  const std::vector<std::string> known = {
      "mlp_out", "resid_post", "resid_pre", "attn_out"};
  EXPECT_EQ(
      nearest_names("resid_pots", known, 2),
      (std::vector<std::string>{"resid_post", "resid_pre"}));
  EXPECT_EQ(
      nearest_names("attn_ou", known, 1),
      (std::vector<std::string>{"attn_out"}));
}

TEST(UnknownNameErrorTest, NamesThePlaceTheKindAndTheNearest) {
  const UnknownNameError error(
      "configs/x.yaml:3", "hook point", "reisd_post", {"resid_post", "embed"});
  EXPECT_STREQ(
      error.what(),
      "[configs/x.yaml:3] no hook point named 'reisd_post'; nearest: "
      "resid_post, embed");
}

} // namespace
} // namespace ma
