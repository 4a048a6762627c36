// Atomic writing, and what is left behind when it fails.
#include "libma/core/files.h"

#include "tests/temporary_folder.h"
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "libma/core/error.h"

namespace ma {
namespace {

std::size_t count_files(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator files(folder);
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

TEST(ReadFileTest, ReturnsEveryByte) {
  const test::TemporaryFolder folder;
  const std::string bytes("a\0\r\n\xff", 5);
  EXPECT_EQ(read_file(folder.write("a", bytes)), bytes);
  EXPECT_EQ(read_file(folder.write("empty", "")), "");
}

TEST(ReadFileTest, SaysWhyAFileCannotBeRead) {
  const test::TemporaryFolder folder;
  const auto path = folder / "absent";
  try {
    read_file(path);
    FAIL() << "nothing was thrown";
  } catch (const FileError& error) {
    EXPECT_EQ(
        error.what(),
        "[" + path.string() + "] cannot read: No such file or directory");
  }
  EXPECT_THROW(read_file(folder.path()), FileError);
}

TEST(WriteFileAtomicallyTest, ReplacesTheFileAndLeavesNothingElse) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("a", "a longer text from before");
  const std::string bytes("new\0\n", 5);
  write_file_atomically(path, bytes);
  EXPECT_EQ(read_file(path), bytes);
  EXPECT_EQ(count_files(folder.path()), 1U);
}

TEST(WriteFileAtomicallyTest, HonoursTheUsersMask) {
  const test::TemporaryFolder folder;
  const auto before = ::umask(022);
  write_file_atomically(folder / "a", "x");
  ::umask(before);
  EXPECT_EQ(
      static_cast<unsigned>(
          std::filesystem::status(folder / "a").permissions()),
      0644U);
}

TEST(WriteFileAtomicallyTest, RemovesTheTemporaryFileWhenItFails) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder / "in_the_way");
  EXPECT_THROW(write_file_atomically(folder / "in_the_way", "x"), FileError);
  EXPECT_EQ(count_files(folder.path()), 1U);
  EXPECT_THROW(write_file_atomically(folder / "no" / "folder", "x"), FileError);
}

} // namespace
} // namespace ma
