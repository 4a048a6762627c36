#include "libma/io/mapped_file.h"

#include "io_test_support.h"

namespace ma {
namespace {

using testing::at_path;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TempDir;

TEST(MappedFileTest, ShowsTheBytesOfTheFile) {
  const TempDir dir;
  const auto file = MappedFile::open(dir.write("a", "hello"));
  EXPECT_EQ(std::string(file->bytes().begin(), file->bytes().end()), "hello");
  EXPECT_EQ(std::string(1, static_cast<char>(file->bytes(1, 1)[0])), "e");
}

TEST(MappedFileTest, MapsAnEmptyFile) {
  const TempDir dir;
  EXPECT_TRUE(MappedFile::open(dir.write("empty", ""))->bytes().empty());
}

TEST(MappedFileTest, NamesTheFileThatIsAbsent) {
  const TempDir dir;
  const auto path = dir.path() / "none.bin";
  EXPECT_EQ(
      message_of<FileError>([&] { MappedFile::open(path); }),
      at_path(path) + "cannot open the file: No such file or directory");
}

TEST(MappedFileTest, RefusesAFolder) {
  const TempDir dir;
  EXPECT_THAT(
      message_of<FileError>([&] { MappedFile::open(dir.path()); }),
      HasSubstr("is not a regular file"));
}

TEST(MappedFileTest, RefusesBytesPastTheEnd) {
  const TempDir dir;
  const auto file = MappedFile::open(dir.write("a", "hello"));
  EXPECT_THAT(
      message_of<FileError>([&] { file->bytes(3, 3); }),
      HasSubstr("the file has 5; it is truncated"));
  EXPECT_THAT(
      message_of<FileError>([&] { file->bytes(1, ~0ULL); }),
      HasSubstr("truncated"));
}

TEST(MappedFileTest, ReadsReleasedBytesAgain) {
  const TempDir dir;
  const std::string content(100'000, 'x');
  const auto file = MappedFile::open(dir.write("a", content));
  const std::string before(file->bytes().begin(), file->bytes().end());
  file->release(0, content.size());
  EXPECT_EQ(std::string(file->bytes().begin(), file->bytes().end()), before);
}

} // namespace
} // namespace ma
