// GGUF files that are truncated, lie or contradict themselves.
#include "io_test_support.h"

#include "libma/io/gguf.h"

namespace ma {
namespace {

using testing::at_path;
using testing::bytes_of;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::memory_folder;
using testing::message_of;
using testing::TempDir;

/// The message when a file with these bytes is opened; it must name the file.
std::string open_error(const std::string& bytes) {
  const TempDir dir(memory_folder());
  const auto path = dir.write("bad.gguf", bytes);
  const std::string message =
      message_of<FileError>([&] { GgufFile::open(path); });
  EXPECT_EQ(message.rfind(at_path(path), 0), 0U) << message;
  return message;
}

std::string open_error(const GgufBuilder& builder) {
  return open_error(builder.bytes());
}

const std::string kFour(4, 'x');

TEST(GgufHeaderTest, RefusesOtherFiles) {
  EXPECT_THAT(open_error(""), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(open_error("GGU"), HasSubstr("is not a GGUF file"));
  EXPECT_THAT(
      open_error("PK\x03\x04 and so on"),
      HasSubstr("does not start with 'GGUF'"));
}

TEST(GgufHeaderTest, RefusesOtherVersionsAndByteOrders) {
  GgufBuilder builder;
  builder.version = 1;
  EXPECT_THAT(
      open_error(builder),
      HasSubstr("is GGUF version 1; libma reads versions 2 and 3"));
  builder.version = 4;
  EXPECT_THAT(open_error(builder), HasSubstr("is GGUF version 4"));
  builder.version = 0x03000000;
  EXPECT_THAT(open_error(builder), HasSubstr("is a big-endian GGUF file"));
}

TEST(GgufHeaderTest, RefusesFilesCutAnywhere) {
  GgufBuilder builder;
  builder.pair("text", 8, GgufBuilder::text("value"));
  builder.pair(
      "numbers",
      9,
      bytes_of<std::uint32_t>(5) + bytes_of<std::uint64_t>(2) +
          std::string(8, '\1'));
  builder.pair(
      "words",
      9,
      bytes_of<std::uint32_t>(8) + bytes_of<std::uint64_t>(1) +
          GgufBuilder::text("word"));
  builder.tensor("a", {32}, 2, std::string(18, 'x'))
      .tensor("b", {8}, 0, std::string(32, 'x'));
  const std::string whole = builder.bytes();
  const TempDir dir;
  ASSERT_NO_THROW(GgufFile::open(dir.write("whole.gguf", whole)));
  for (std::size_t size = 4; size < whole.size(); ++size) {
    EXPECT_FALSE(open_error(whole.substr(0, size)).empty()) << size << " bytes";
  }
}

TEST(GgufHeaderTest, RefusesCountsThatTheFileCannotHold) {
  GgufBuilder builder;
  builder.n_tensors = std::uint64_t{1} << 60;
  EXPECT_THAT(
      open_error(builder),
      HasSubstr("says it has 1152921504606846976 tensors, but only"));
  builder.n_tensors = 0;
  builder.n_pairs = ~std::uint64_t{0};
  EXPECT_THAT(
      open_error(builder),
      HasSubstr("says it has 18446744073709551615 metadata entries"));
}

TEST(GgufHeaderTest, RefusesLengthsThatTheFileCannotHold) {
  EXPECT_THAT(
      open_error(
          GgufBuilder().pair("text", 8, bytes_of(~std::uint64_t{0}) + "value")),
      HasSubstr(
          "truncated: the value of 'text' needs 18446744073709551615 bytes"));
  for (const std::uint32_t type : {0, 8, 9, 12}) {
    EXPECT_THAT(
        open_error(
            GgufBuilder().pair(
                "list", 9, bytes_of(type) + bytes_of(std::uint64_t{1} << 61))),
        HasSubstr(
            "metadata 'list': says it has 2305843009213693952 elements, but "
            "only"))
        << "type " << type;
  }
}

TEST(GgufHeaderTest, RefusesBadMetadata) {
  const std::string four = bytes_of<std::uint32_t>(4);
  EXPECT_THAT(
      open_error(GgufBuilder().pair("a", 13, four)),
      HasSubstr("metadata 'a': unknown value type 13"));
  EXPECT_THAT(
      open_error(GgufBuilder().pair("a", 4, four).pair("a", 4, four)),
      HasSubstr("metadata 'a' occurs twice"));
  EXPECT_THAT(
      open_error(GgufBuilder().pair("a", 7, "\x02")),
      HasSubstr("metadata 'a': a bool must be 0 or 1"));
  EXPECT_THAT(
      open_error(GgufBuilder().pair("", 4, four)),
      HasSubstr("a metadata key is empty"));
  EXPECT_THAT(
      open_error(GgufBuilder().pair("\xFF", 4, four)),
      HasSubstr("a metadata key is not UTF-8: '\\xff'"));
  EXPECT_THAT(
      open_error(GgufBuilder().pair("a", 8, GgufBuilder::text("\xFF"))),
      HasSubstr("metadata 'a': its text is not UTF-8: '\\xff'"));
}

TEST(GgufHeaderTest, RefusesDeeplyNestedArrays) {
  std::string value;
  for (int i = 0; i < 100'000; ++i) {
    value += bytes_of<std::uint32_t>(9) + bytes_of<std::uint64_t>(1);
  }
  EXPECT_THAT(
      open_error(GgufBuilder().pair("a", 9, value)),
      HasSubstr("arrays are nested more than 8 deep"));
}

TEST(GgufHeaderTest, RefusesImpossibleAlignments) {
  for (const std::uint32_t alignment : {0U, 3U, 48U}) {
    EXPECT_THAT(
        open_error(
            GgufBuilder().pair("general.alignment", 4, bytes_of(alignment))),
        HasSubstr("expected a power of two, got " + std::to_string(alignment)));
  }
  EXPECT_THAT(
      open_error(
          GgufBuilder().pair(
              "general.alignment", 5, bytes_of<std::int32_t>(32))),
      HasSubstr("metadata 'general.alignment': expected uint32, got int32"));
}

TEST(GgufHeaderTest, RefusesImpossibleShapes) {
  EXPECT_THAT(
      open_error(
          GgufBuilder().tensor(
              "a", std::vector<std::uint64_t>(9, 1), 0, kFour)),
      HasSubstr("tensor 'a' has 9 dimensions; at most 8 are possible"));
  EXPECT_THAT(
      open_error(GgufBuilder().tensor("a", {~std::uint64_t{0}}, 0, kFour)),
      HasSubstr("has a dimension of 18446744073709551615"));
  const std::uint64_t big = std::uint64_t{1} << 32;
  EXPECT_THAT(
      open_error(GgufBuilder().tensor("a", {big, big, 4}, 0, kFour)),
      HasSubstr(
          "its shape [4, 4294967296, 4294967296] is too large to be true"));
  EXPECT_THAT(
      open_error(GgufBuilder().tensor("a", {40, 2}, 3, std::string(50, 'x'))),
      HasSubstr("its rows of 40 values cannot be cut into Q4_1 blocks of 32"));
  EXPECT_THAT(
      open_error(GgufBuilder().tensor("a", {}, 3, std::string(20, 'x'))),
      HasSubstr("rows of 1 values cannot be cut"));
}

TEST(GgufHeaderTest, RefusesUnknownEncodings) {
  for (const std::uint32_t type : {4U, 31U, 99U}) {
    EXPECT_THAT(
        open_error(GgufBuilder().tensor("a", {32}, type, kFour)),
        HasSubstr("tensor 'a' has type " + std::to_string(type)));
  }
}

TEST(GgufHeaderTest, RefusesBadOffsets) {
  GgufBuilder builder;
  builder.data = std::string(64, 'x');
  EXPECT_THAT(
      open_error(GgufBuilder(builder).describe("a", {1}, 0, 4)),
      HasSubstr("not a multiple of the alignment 32"));
  EXPECT_THAT(
      open_error(GgufBuilder(builder).describe("a", {1}, 0, 64)),
      HasSubstr(
          "truncated: tensor 'a' needs 4 bytes at byte 64 of the data, which "
          "has 64"));
  EXPECT_THAT(
      open_error(
          GgufBuilder(builder).describe("a", {1}, 0, ~std::uint64_t{31})),
      HasSubstr("truncated: tensor 'a'"));
  EXPECT_THAT(
      open_error(GgufBuilder(builder)
                     .describe("a", {9}, 0, 0)
                     .describe("b", {8}, 0, 32)),
      HasSubstr("tensors 'a' and 'b' share bytes of the file"));
  EXPECT_THAT(
      open_error(GgufBuilder(builder)
                     .describe("a", {8}, 0, 0)
                     .describe("a", {8}, 0, 32)),
      HasSubstr("tensor 'a' occurs twice"));
}

} // namespace
} // namespace ma
