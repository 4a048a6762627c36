#include "libma/hooks/hook_names.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/activation_cache.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(HookNamesTest, ASiteKnowsItsKindLayerAndShape) {
  const HookSite site = make_site("blocks.11.attn.rot_k");
  EXPECT_EQ(site.kind, "attn.rot_k");
  EXPECT_EQ(site.layer, 11);
  EXPECT_EQ(site.shape, "[batch, pos, kv_head, d_head]");
  EXPECT_EQ(site.batch, nullptr);
}

TEST(HookNamesTest, ASiteOutsideTheBlocksHasNoLayer) {
  const HookSite site = make_site("ln_final.scale");
  EXPECT_EQ(site.kind, "ln_final.scale");
  EXPECT_EQ(site.layer, -1);
}

TEST(HookNamesTest, NamesThatAreNotInTheCatalogueThrow) {
  for (const auto* name :
       {"blocks.1.resid",
        "blocks.-1.resid_post",
        "blocks.x.resid_post",
        "blocks.1",
        "",
        "hook_embed"}) {
    EXPECT_THROW(make_site(name), UnknownNameError) << name;
  }
}

TEST(HookNamesTest, BlockSiteBuildsTheName) {
  EXPECT_EQ(block_site(3, "resid_post"), "blocks.3.resid_post");
}

TEST(HookNamesTest, CatalogueNamesAreUniqueAndInTheTable) {
  std::set<std::string_view> names;
  const std::string table = hook_catalogue_markdown();
  for (const HookName& entry : hook_catalogue()) {
    EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
    EXPECT_THAT(
        table,
        HasSubstr(c10::str("| `", entry.name, "` | ", entry.shape, " | ")));
  }
}

TEST(ActivationCacheTest, KeepsTheLastOfANameInOrderOfArrival) {
  ActivationCache cache;
  cache.insert("embed", at::zeros({2}, torch::kFloat32));
  cache.insert("logits", at::zeros({3}, torch::kFloat64));
  cache.insert("embed", at::ones({2}, torch::kFloat32));
  EXPECT_THAT(cache.names(), ElementsAre("embed", "logits"));
  EXPECT_EQ(cache["embed"][0].item<float>(), 1);
  EXPECT_EQ(cache.bytes(), 2 * 4 + 3 * 8);
}

TEST(ActivationCacheTest, AnUnknownNameOffersTheNearest) {
  ActivationCache cache;
  cache.insert("blocks.0.resid_post", at::zeros({1}));
  try {
    cache["blocks.0.resid_pots"];
    FAIL();
  } catch (const UnknownNameError& error) {
    EXPECT_THAT(error.what(), HasSubstr("nearest: blocks.0.resid_post"));
  }
}

} // namespace
} // namespace ma
