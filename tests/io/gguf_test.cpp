#include "libma/io/gguf.h"

#include "io_test_support.h"
#include <ATen/ops/equal.h>
#include <nlohmann/json.hpp>

namespace ma {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TempDir;

std::string array_of(
    std::uint32_t type, std::uint64_t count, const std::string& elements) {
  return bytes_of(type) + bytes_of(count) + elements;
}

GgufFile open_built(const TempDir& dir, const GgufBuilder& builder) {
  return GgufFile::open(dir.write("a.gguf", builder.bytes()));
}

TEST(GgufFileTest, ReadsEveryScalarType) {
  const TempDir dir;
  GgufBuilder builder;
  builder.pair("u8", 0, bytes_of<std::uint8_t>(200))
      .pair("i8", 1, bytes_of<std::int8_t>(-100));
  builder.pair("u16", 2, bytes_of<std::uint16_t>(60000))
      .pair("i16", 3, bytes_of<std::int16_t>(-30000));
  builder.pair("u32", 4, bytes_of<std::uint32_t>(4000000000U))
      .pair("i32", 5, bytes_of<std::int32_t>(-2000000000));
  builder.pair("f32", 6, bytes_of(1e-5F)).pair("bool", 7, bytes_of(true));
  builder.pair("text", 8, GgufBuilder::text("caf\xC3\xA9"));
  builder.pair("u64", 10, bytes_of(~std::uint64_t{0}))
      .pair("i64", 11, bytes_of(std::int64_t{-5000000000}));
  builder.pair("f64", 12, bytes_of(0.1));
  const nlohmann::json expected = {
      {"u8", 200},
      {"i8", -100},
      {"u16", 60000},
      {"i16", -30000},
      {"u32", 4000000000U},
      {"i32", -2000000000},
      {"f32", static_cast<double>(1e-5F)},
      {"bool", true},
      {"text", "caf\xC3\xA9"},
      {"u64", ~std::uint64_t{0}},
      {"i64", -5000000000},
      {"f64", 0.1}};
  EXPECT_EQ(open_built(dir, builder).metadata(), expected);
}

TEST(GgufFileTest, ReadsArraysByKind) {
  const TempDir dir;
  GgufBuilder builder;
  builder.pair(
      "tokens",
      9,
      array_of(8, 2, GgufBuilder::text("a") + GgufBuilder::text("\xFF")));
  builder.pair(
      "types", 9, array_of(5, 2, bytes_of(std::vector<std::int32_t>{3, -1})));
  builder.pair("flags", 9, array_of(7, 2, std::string("\x01\x00", 2)));
  builder.pair(
      "scores", 9, array_of(6, 2, bytes_of(std::vector<float>{0.5F, -2})));
  builder.pair("empty", 9, array_of(6, 0, ""));
  const GgufFile file = open_built(dir, builder);
  EXPECT_THAT(file.string_array("tokens"), ElementsAre("a", "\xFF"));
  EXPECT_THAT(file.int_array("types"), ElementsAre(3, -1));
  EXPECT_THAT(file.int_array("flags"), ElementsAre(1, 0));
  EXPECT_THAT(file.float_array("scores"), ElementsAre(0.5, -2));
  EXPECT_TRUE(file.float_array("empty").empty());
  EXPECT_TRUE(file.has("tokens"));
  EXPECT_FALSE(file.has("token"));
  EXPECT_TRUE(file.metadata().empty());
}

TEST(GgufFileTest, ReadsNestedArrays) {
  const TempDir dir;
  const std::string first =
      array_of(4, 2, bytes_of(std::vector<std::uint32_t>{1, 2}));
  const std::string second = array_of(8, 1, GgufBuilder::text("x"));
  GgufBuilder builder;
  builder.pair("nested", 9, array_of(9, 2, first + second))
      .pair("after", 7, bytes_of(true));
  const GgufFile file = open_built(dir, builder);
  EXPECT_EQ(file.array("nested").dump(), R"([[1,2],["x"]])");
  EXPECT_EQ(file.metadata().at("after"), true);
}

TEST(GgufFileTest, NamesTheKindThatAnArrayHas) {
  const TempDir dir;
  GgufBuilder builder;
  builder.pair("scores", 9, array_of(6, 0, ""))
      .pair("n", 4, bytes_of<std::uint32_t>(1));
  const GgufFile file = open_built(dir, builder);
  EXPECT_THAT(
      message_of<FileError>([&] { file.int_array("scores"); }),
      HasSubstr(
          "metadata scores: expected an array of integers, got elements of "
          "type float32"));
  EXPECT_THAT(
      message_of<FileError>([&] { file.string_array("scores"); }),
      HasSubstr("expected an array of strings"));
  EXPECT_THAT(
      message_of<UnknownNameError>([&] { file.float_array("score"); }),
      HasSubstr("no metadata array named 'score'; nearest: scores"));
}

TEST(GgufFileTest, ReversesShapes) {
  const TempDir dir;
  GgufBuilder builder;
  builder.tensor(
      "a", {3, 2}, 0, bytes_of(std::vector<float>{1, 2, 3, 4, 5, 6}));
  const GgufFile file = open_built(dir, builder);
  EXPECT_EQ(file.tensors().at("a").shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(file.tensors().at("a").encoding, "F32");
  EXPECT_EQ(file.tensors().at("a").bytes, 24U);
  EXPECT_TRUE(
      at::equal(
          file.load("a", torch::kFloat32),
          torch::tensor({{1.0F, 2.0F, 3.0F}, {4.0F, 5.0F, 6.0F}})));
}

TEST(GgufFileTest, HonoursTheAlignmentOfTheFile) {
  const TempDir dir;
  GgufBuilder builder;
  builder.alignment = 128;
  builder.pair("general.alignment", 4, bytes_of<std::uint32_t>(128));
  builder.tensor("a", {1}, 0, bytes_of(1.0F))
      .tensor("b", {1}, 0, bytes_of(2.0F));
  const GgufFile file = open_built(dir, builder);
  EXPECT_EQ(file.load("a", torch::kFloat32).item<float>(), 1);
  EXPECT_EQ(file.load("b", torch::kFloat32).item<float>(), 2);
}

TEST(GgufFileTest, ReadsVersionTwo) {
  const TempDir dir;
  GgufBuilder builder;
  builder.version = 2;
  EXPECT_EQ(
      open_built(dir, builder.pair("n", 4, bytes_of<std::uint32_t>(7)))
          .metadata()
          .at("n"),
      7);
  EXPECT_EQ(open_built(dir, builder).version(), 2U);
}

TEST(GgufFileTest, LoadsIntegersAsTheyAre) {
  const TempDir dir;
  GgufBuilder builder;
  builder.tensor("a", {2}, 27, bytes_of(std::vector<std::int64_t>{1, -2}));
  const GgufFile file = open_built(dir, builder);
  EXPECT_TRUE(
      at::equal(
          file.load("a", torch::kInt64),
          torch::tensor(std::vector<std::int64_t>{1, -2})));
  EXPECT_THAT(
      message_of<ShapeError>([&] { file.load("a", torch::kInt32); }),
      HasSubstr("cannot become Int"));
}

TEST(GgufFileTest, NamesATensorWhoseEncodingIsNotRead) {
  const TempDir dir;
  GgufBuilder builder;
  builder.tensor("a", {256}, 15, std::string(292, 'x'));
  const GgufFile file = open_built(dir, builder);
  EXPECT_THAT(
      message_of<FileError>([&] { file.load("a", torch::kFloat32); }),
      HasSubstr(
          "tensor 'a' is encoded as Q8_K, which libma does not dequantise"));
  EXPECT_THAT(
      message_of<UnknownNameError>([&] { file.load("b", torch::kFloat32); }),
      HasSubstr("no tensor named 'b'"));
}

} // namespace
} // namespace ma
