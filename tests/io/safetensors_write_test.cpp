#include "libma/io/safetensors_write.h"

#include "tests/temporary_folder.h"
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/core/files.h"
#include "libma/io/safetensors.h"

namespace ma {
namespace {

TEST(SafetensorsWriteTest, WhatIsWrittenReadsBack) {
  const test::TemporaryFolder folder;
  const auto path = folder / "x.safetensors";
  const std::map<std::string, torch::Tensor> tensors = {
      {"counts", at::arange(7)},
      {"empty", at::zeros({0, 3})},
      {"half", at::randn({2, 3}).to(torch::kBFloat16)},
      {"mask", at::ones({3}, torch::kBool)},
      {"turned", at::randn({4, 5}, torch::kFloat64).t()}};
  save_safetensors(path, tensors, {{"format", "pt"}, {"n", "3"}});
  const auto file = SafetensorsFile::open(path);
  EXPECT_EQ(file.tensors().size(), tensors.size());
  EXPECT_EQ(file.metadata().at("n"), "3");
  for (const auto& [name, tensor] : tensors) {
    const auto read = file.load(name, tensor.scalar_type());
    EXPECT_TRUE(at::equal(read, tensor)) << name;
  }
}

TEST(SafetensorsWriteTest, TheSameTensorsGiveTheSameBytes) {
  const test::TemporaryFolder folder;
  const auto x = at::arange(4);
  save_safetensors(folder / "a", {{"x", x}, {"y", x + 1}});
  save_safetensors(folder / "b", {{"y", x + 1}, {"x", x}});
  EXPECT_EQ(read_file(folder / "a"), read_file(folder / "b"));
}

TEST(SafetensorsWriteTest, ADtypeThatTheFormatLacksIsAnError) {
  const test::TemporaryFolder folder;
  EXPECT_THROW(
      save_safetensors(
          folder / "x", {{"x", at::zeros({2}, torch::kComplexFloat)}}),
      ShapeError);
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

} // namespace
} // namespace ma
