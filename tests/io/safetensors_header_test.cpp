// Files that are truncated, lie or contradict themselves.
#include "io_test_support.h"

#include "libma/io/safetensors.h"

namespace ma {
namespace {

using testing::at_path;
using testing::bytes_of;
using ::testing::HasSubstr;
using testing::memory_folder;
using testing::message_of;
using testing::safetensors_bytes;
using testing::TempDir;

/// The message when a file with these bytes is opened; it must name the file.
std::string open_error(const std::string& bytes) {
  const TempDir dir(memory_folder());
  const auto path = dir.write("bad.safetensors", bytes);
  const std::string message =
      message_of<FileError>([&] { SafetensorsFile::open(path); });
  EXPECT_EQ(message.rfind(at_path(path), 0), 0U) << message;
  return message;
}

std::string header_error(
    const std::string& header, std::size_t data_bytes = 8) {
  return open_error(safetensors_bytes(header, std::string(data_bytes, 'x')));
}

/// A header with the one tensor `a`.
std::string one(
    const std::string& dtype,
    const std::string& shape,
    const std::string& offsets) {
  return R"({"a": {"dtype": ")" + dtype + R"(", "shape": )" + shape +
         R"(, "data_offsets": )" + offsets + "}}";
}

TEST(SafetensorsHeaderTest, RefusesFilesCutAnywhere) {
  const std::string whole =
      safetensors_bytes(one("F32", "[2]", "[0, 8]"), "01234567");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(open_error(whole.substr(0, size)), HasSubstr("truncated"))
        << size << " bytes";
  }
}

TEST(SafetensorsHeaderTest, RefusesAHeaderLongerThanAllowed) {
  EXPECT_THAT(
      open_error(bytes_of(std::uint64_t{100'000'001}) + "{}"),
      HasSubstr("its header would have 100000001 bytes"));
  EXPECT_THAT(
      open_error(bytes_of(~std::uint64_t{0}) + "{}"),
      HasSubstr("is not a safetensors file"));
}

TEST(SafetensorsHeaderTest, RefusesHeadersThatAreNotAnObject) {
  EXPECT_THAT(
      header_error("[]"), HasSubstr("must be a JSON object, got array"));
  EXPECT_THAT(header_error("{"), HasSubstr("is not valid JSON"));
  EXPECT_THAT(header_error(std::string(100'000, '[')), HasSubstr("nested"));
}

TEST(SafetensorsHeaderTest, RefusesATensorListedTwice) {
  const std::string a =
      R"("a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]})";
  EXPECT_THAT(
      header_error("{" + a + ", " + a + "}", 4),
      HasSubstr("key 'a' occurs twice"));
}

TEST(SafetensorsHeaderTest, RefusesIncompleteDescriptions) {
  EXPECT_THAT(
      header_error(R"({"a": 1})"),
      HasSubstr(
          "tensor 'a': expected an object with dtype, shape and data_offsets"));
  EXPECT_THAT(
      header_error(R"({"a": {"dtype": "F32", "shape": [2]}})"),
      HasSubstr("tensor 'a': expected an object"));
  EXPECT_THAT(
      header_error(
          R"({"a": {"dtype": "F32", "shape": [2], "offsets": [0, 8]}})"),
      HasSubstr("has no data_offsets"));
  EXPECT_THAT(
      header_error(
          R"({"a": {"dtype": 1, "shape": [2], "data_offsets": [0, 8]}})"),
      HasSubstr("dtype must be a string"));
}

TEST(SafetensorsHeaderTest, RefusesImpossibleShapes) {
  EXPECT_THAT(
      header_error(one("F32", "[-2]", "[0, 8]")), HasSubstr("non-negative"));
  EXPECT_THAT(
      header_error(one("F32", "[2.0]", "[0, 8]")), HasSubstr("non-negative"));
  EXPECT_THAT(
      header_error(one("F32", "[18446744073709551615]", "[0, 8]")),
      HasSubstr("non-negative 64-bit"));
  EXPECT_THAT(
      header_error(one("F32", "2", "[0, 8]")),
      HasSubstr("shape must be an array"));
  // 2^32 * 2^32 * 2 = 2^65 overflows to 0 in 64 bits.
  EXPECT_THAT(
      header_error(one("F32", "[4294967296, 4294967296, 2]", "[0, 8]")),
      HasSubstr("is too large to be true"));
  EXPECT_THAT(
      header_error(one("F32", "[0, 4294967296, 4294967296]", "[0, 0]"), 0),
      HasSubstr("is too large to be true"));
  std::string many = "[1";
  for (int i = 0; i < 64; ++i) {
    many += ", 1";
  }
  EXPECT_THAT(
      header_error(one("F64", many + "]", "[0, 8]")),
      HasSubstr("at most 64 sizes"));
}

TEST(SafetensorsHeaderTest, RefusesSizesThatContradictTheShape) {
  EXPECT_THAT(
      header_error(one("F32", "[3]", "[0, 8]")),
      HasSubstr("F32 [3] needs 12 bytes, but its offsets span 8"));
  EXPECT_THAT(
      header_error(one("BF16", "[2]", "[0, 8]")),
      HasSubstr("BF16 [2] needs 4 bytes"));
}

TEST(SafetensorsHeaderTest, RefusesOffsetsOutsideTheFile) {
  EXPECT_THAT(
      header_error(one("F32", "[4]", "[0, 16]")),
      HasSubstr("ends at data byte 16, but the file has 8"));
  EXPECT_THAT(
      header_error(one("F32", "[2]", "[8, 0]")),
      HasSubstr("the second not smaller than the first"));
  EXPECT_THAT(
      header_error(one("F32", "[2]", "[-8, 0]")),
      HasSubstr("two non-negative integers"));
  EXPECT_THAT(
      header_error(one("F32", "[2]", "[0, 8, 16]")),
      HasSubstr("two non-negative integers"));
  EXPECT_THAT(
      header_error(
          one("F32", "[2]", "[18446744073709551608, 18446744073709551615]")),
      HasSubstr("truncated"));
}

TEST(SafetensorsHeaderTest, RefusesSharedAndUnclaimedBytes) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": )" + first +
           R"(}, "b": {"dtype": "U8", "shape": [4], "data_offsets": )" +
           second + "}}";
  };
  EXPECT_THAT(
      header_error(two("[0, 4]", "[3, 7]")),
      HasSubstr("tensors 'a' and 'b' share bytes"));
  EXPECT_THAT(header_error(two("[4, 8]", "[4, 8]")), HasSubstr("share bytes"));
  EXPECT_THAT(
      header_error(two("[0, 4]", "[5, 9]"), 9),
      HasSubstr("there is a hole before 'b'"));
  EXPECT_THAT(
      header_error(two("[4, 8]", "[0, 4]"), 9),
      HasSubstr("end at data byte 8, but the file has 9"));
}

TEST(SafetensorsHeaderTest, RefusesMetadataThatIsNotText) {
  EXPECT_THAT(
      header_error(R"({"__metadata__": {"step": 3}})", 0),
      HasSubstr("__metadata__ 'step': expected a string"));
  EXPECT_THAT(
      header_error(R"({"__metadata__": "pt"})", 0),
      HasSubstr("__metadata__ must be an object"));
}

TEST(SafetensorsHeaderTest, ShowsHostileNamesOnOneLine) {
  EXPECT_THAT(header_error(R"({"a\nb": 1})"), HasSubstr("tensor 'a\\x0ab'"));
}

} // namespace
} // namespace ma
