#include "libma/eval/register_means_file.h"

#include "tests/temporary_folder.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/io/safetensors_write.h"

namespace ma {
namespace {

VisionConfig config_with(std::int64_t n_registers) {
  VisionConfig config;
  config.n_layers = 3;
  config.d_model = 5;
  config.n_registers = n_registers;
  return config;
}

TEST(RegisterMeansFileTest, WhatIsSavedLoads) {
  const test::TemporaryFolder folder;
  const RegisterMeans means{at::randn({3, 2, 5}), 17};
  save_register_means(folder / "means.safetensors", means);
  const auto loaded = load_register_means(folder / "means.safetensors");
  EXPECT_TRUE(at::equal(loaded.means, means.means));
  EXPECT_EQ(loaded.n_images, 17);
}

TEST(RegisterMeansFileTest, OtherFilesAreErrors) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(load_register_means(folder / "absent"), FileError);
  save_safetensors(folder / "other", {{"weight", at::zeros({3, 2, 5})}});
  EXPECT_THROW(load_register_means(folder / "other"), FileError);
  save_safetensors(folder / "flat", {{"register_means", at::zeros({3, 2})}});
  EXPECT_THROW(load_register_means(folder / "flat"), FileError);
  save_safetensors(
      folder / "count",
      {{"register_means", at::zeros({3, 2, 5})}},
      {{"n_images", "many"}});
  EXPECT_THROW(load_register_means(folder / "count"), FileError);
  EXPECT_THROW(
      save_register_means(folder / "x", {at::zeros({2, 5}), 1}), ShapeError);
}

TEST(RegisterMeansFileTest, FixRegistersOverwritesTheRegistersOfEveryBlock) {
  const RegisterMeans means{at::randn({3, 2, 5}), 1};
  const auto edit = fix_registers(config_with(2), means);
  EXPECT_EQ(edit.site(), "blocks.*.resid_pre");
  const auto x = at::randn({2, 8, 5}); // class token, 2 registers, 5 patches
  auto expected = x.clone();
  expected.slice(1, 1, 3).copy_(means.means[1].expand({2, 2, 5}));
  EXPECT_TRUE(at::equal(edit(x, make_site("blocks.1.resid_pre")), expected));
}

TEST(RegisterMeansFileTest, MeansOfAnotherModelAreErrors) {
  EXPECT_THROW(
      fix_registers(config_with(0), {at::zeros({3, 0, 5}), 1}), ShapeError);
  EXPECT_THROW(
      fix_registers(config_with(4), {at::zeros({3, 2, 5}), 1}), ShapeError);
  EXPECT_THROW(
      fix_registers(config_with(2), {at::zeros({2, 2, 5}), 1}), ShapeError);
  EXPECT_THROW(fix_registers(config_with(2), {}), ShapeError);
}

} // namespace
} // namespace ma
