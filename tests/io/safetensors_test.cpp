#include "libma/io/safetensors.h"

#include "io_test_support.h"
#include <ATen/ops/equal.h>

namespace ma {
namespace {

using testing::at_path;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::message_of;
using testing::safetensors_bytes;
using testing::TempDir;

const std::vector<float> kSix = {1, -2, 3.5, 0, 65536, 1e-3F};

std::filesystem::path write_six(
    const TempDir& dir, const std::string& padding = "") {
  const std::string header =
      R"({"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}})" +
      padding;
  return dir.write(
      "six.safetensors", safetensors_bytes(header, bytes_of(kSix)));
}

/// A file with one tensor `a` of the given type, shape and data.
SafetensorsFile open_one(
    const TempDir& dir,
    const std::string& dtype,
    const std::string& shape,
    const std::string& data) {
  const std::string header =
      R"({"a": {"dtype": ")" + dtype + R"(", "shape": )" + shape +
      R"(, "data_offsets": [0, )" + std::to_string(data.size()) + "]}}";
  return SafetensorsFile::open(
      dir.write("one.safetensors", safetensors_bytes(header, data)));
}

TEST(SafetensorsFileTest, ListsTensorsAndMetadata) {
  const TempDir dir;
  const auto file = SafetensorsFile::open(write_six(dir));
  ASSERT_EQ(file.tensors().size(), 1U);
  const TensorInfo& info = file.tensors().at("a");
  EXPECT_EQ(info.encoding, "F32");
  EXPECT_EQ(info.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(info.bytes, 24U);
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST(SafetensorsFileTest, LoadsAlignedAndUnalignedData) {
  const TempDir dir;
  const torch::Tensor expected = torch::tensor(kSix).view({2, 3});
  for (const std::string padding :
       {"", " ", "  ", "   ", "    ", "     ", "      ", "       "}) {
    const auto file = SafetensorsFile::open(write_six(dir, padding));
    EXPECT_TRUE(at::equal(file.load("a", torch::kFloat32), expected))
        << padding.size();
    EXPECT_TRUE(at::equal(file.view("a"), expected)) << padding.size();
  }
}

TEST(SafetensorsFileTest, LoadedTensorsOwnTheirMemory) {
  const TempDir dir;
  const auto path = write_six(dir);
  torch::Tensor first = SafetensorsFile::open(path).load("a", torch::kFloat32);
  first.zero_();
  EXPECT_TRUE(
      at::equal(
          SafetensorsFile::open(path).load("a", torch::kFloat32),
          torch::tensor(kSix).view({2, 3})));
}

TEST(SafetensorsFileTest, ViewsKeepTheFileMapped) {
  const TempDir dir;
  torch::Tensor view;
  {
    const auto file = SafetensorsFile::open(write_six(dir));
    view = file.view("a");
  }
  std::filesystem::remove(dir.path() / "six.safetensors");
  EXPECT_TRUE(at::equal(view, torch::tensor(kSix).view({2, 3})));
}

TEST(SafetensorsFileTest, RoundsFloatsAndWidensIntegers) {
  const TempDir dir;
  const auto floats =
      open_one(dir, "F32", "[2]", bytes_of(std::vector<float>{1.001F, -3}));
  EXPECT_TRUE(
      at::equal(
          floats.load("a", torch::kBFloat16),
          torch::tensor({1.001F, -3.0F}).to(torch::kBFloat16)));
  EXPECT_EQ(floats.load("a", torch::kFloat64).scalar_type(), torch::kFloat64);
  const auto integers =
      open_one(dir, "I16", "[2]", bytes_of(std::vector<std::int16_t>{-7, 300}));
  EXPECT_TRUE(
      at::equal(
          integers.load("a", torch::kInt64),
          torch::tensor(std::vector<std::int64_t>{-7, 300})));
  EXPECT_TRUE(
      at::equal(
          integers.load("a", torch::kFloat32), torch::tensor({-7.0F, 300.0F})));
}

TEST(SafetensorsFileTest, RefusesConversionsThatChangeTheKind) {
  const TempDir dir;
  const auto floats = open_one(dir, "F32", "[1]", bytes_of(1.5F));
  EXPECT_THAT(
      message_of<ShapeError>([&] { floats.load("a", torch::kInt64); }),
      HasSubstr(
          "tensor 'a' holds Float and cannot become Long; ask for a "
          "floating-point dtype"));
  message_of<ShapeError>([&] { floats.load("a", torch::kBool); });
  message_of<ShapeError>([&] { floats.load("a", torch::kComplexFloat); });
  message_of<ShapeError>([&] { floats.load("a", torch::kQInt8); });
  const auto integers = open_one(dir, "I64", "[1]", bytes_of(std::int64_t{7}));
  EXPECT_THAT(
      message_of<ShapeError>([&] { integers.load("a", torch::kInt32); }),
      HasSubstr("holds Long and cannot become Int"));
}

TEST(SafetensorsFileTest, ReportsValuesThatOverflowFloat16) {
  const TempDir dir;
  const auto path = write_six(dir);
  EXPECT_EQ(
      message_of<ShapeError>(
          [&] { SafetensorsFile::open(path).load("a", torch::kFloat16); }),
      at_path(path) +
          "tensor 'a' holds values beyond float16's largest, 65504; ask for "
          "bfloat16 or float32");
  const float infinity = std::numeric_limits<float>::infinity();
  const auto infinite = open_one(
      dir, "F32", "[2]", bytes_of(std::vector<float>{infinity, 65504}));
  EXPECT_TRUE(
      at::equal(
          infinite.load("a", torch::kFloat16),
          torch::tensor({infinity, 65504.0F}).to(torch::kFloat16)));
}

TEST(SafetensorsFileTest, LoadsScalarsAndEmptyTensors) {
  const TempDir dir;
  EXPECT_EQ(
      open_one(dir, "F64", "[]", bytes_of(2.5))
          .load("a", torch::kFloat32)
          .item<float>(),
      2.5F);
  EXPECT_EQ(
      open_one(dir, "F64", "[0, 5]", "").load("a", torch::kFloat32).sizes(),
      (std::vector<std::int64_t>{0, 5}));
  EXPECT_EQ(
      open_one(dir, "F64", "[0, 5]", "").view("a").sizes(),
      (std::vector<std::int64_t>{0, 5}));
}

TEST(SafetensorsFileTest, OffersTheNearestNames) {
  const TempDir dir;
  const auto path = write_six(dir);
  EXPECT_EQ(
      message_of<UnknownNameError>(
          [&] { SafetensorsFile::open(path).load("b", torch::kFloat32); }),
      at_path(path) + "no tensor named 'b'; nearest: a");
}

TEST(SafetensorsFileTest, NamesATensorOfATypeThatTorchLacksOnlyWhenItIsLoaded) {
  const TempDir dir;
  for (const std::string dtype : {"F4", "Q7_X"}) {
    const auto file = open_one(dir, dtype, "[2]", std::string(1, '\0'));
    EXPECT_THAT(
        message_of<FileError>([&] { file.load("a", torch::kFloat32); }),
        HasSubstr(
            "tensor 'a' has dtype '" + dtype + "', which libma cannot load"));
  }
}

TEST(SafetensorsFileTest, RefusesABoolThatIsNeitherZeroNorOne) {
  const TempDir dir;
  EXPECT_TRUE(
      at::equal(
          open_one(dir, "BOOL", "[2]", std::string("\x01\x00", 2))
              .load("a", torch::kBool),
          torch::tensor({true, false})));
  const auto file = open_one(dir, "BOOL", "[2]", "\x01\x02");
  EXPECT_THAT(
      message_of<FileError>([&] { file.load("a", torch::kBool); }),
      HasSubstr("a bool must be 0 or 1, got 2"));
  message_of<FileError>([&] { file.view("a"); });
}

TEST(SafetensorsFileTest, LoadsMoreThanOnePiece) {
  const TempDir dir;
  const std::int64_t count =
      (std::int64_t{16} << 20) / 4 * 2 + 12345; // of 16 MiB
  const torch::Tensor values = torch::arange(count, torch::kFloat32);
  const std::string data(
      static_cast<const char*>(values.data_ptr()), values.nbytes());
  const auto file = open_one(
      dir,
      "F32",
      std::string("[").append(std::to_string(count)).append("]"),
      data);
  EXPECT_TRUE(at::equal(file.load("a", torch::kFloat32), values));
  EXPECT_TRUE(
      at::equal(file.load("a", torch::kFloat64), values.to(torch::kFloat64)));
}

} // namespace
} // namespace ma
