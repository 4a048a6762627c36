#include "libma/io/image/image_set.h"

#include "../io_test_support.h"
#include "image_test_support.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::make_image;
using testing::png_bytes;
using testing::tar_bytes;
using testing::tar_member;
using testing::TempDir;

const std::string& a_png() {
  static const std::string bytes = png_bytes(make_image({3, 4}));
  return bytes;
}

void fill(const TempDir& dir, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    std::filesystem::create_directories((dir.path() / name).parent_path());
    dir.write(name, a_png());
  }
}

std::vector<std::string> names_of(const ImageSet& set) {
  std::vector<std::string> names;
  for (const ImageItem& item : set.items()) {
    names.push_back(item.name + "=" + std::to_string(item.label));
  }
  return names;
}

template <class Error>
std::string error_of(
    const std::filesystem::path& path, const ImageSetOptions& options = {}) {
  try {
    ImageSet::open(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(ImageSetTest, AFlatFolderHasNoClasses) {
  const TempDir dir;
  fill(dir, {"b.PNG", "a.png", ".hidden.png", "notes.txt"});
  const auto set = ImageSet::open(dir.path());
  EXPECT_THAT(names_of(set), ElementsAre("a.png=-1", "b.PNG=-1"));
  EXPECT_EQ(set.read(0).sizes(), (std::vector<std::int64_t>{3, 4, 3}));
  EXPECT_THROW(set.read(2), ShapeError);
  EXPECT_THAT(
      error_of<ConfigError>(dir.path(), {.per_class = 1}),
      HasSubstr("per_class"));
}

TEST(ImageSetTest, ClassFoldersAreSortedByTheirNames) {
  const TempDir dir;
  fill(dir, {"a-b/1.png", "a/2.png", "a/1.png", "a/deep/0.png"});
  const auto set = ImageSet::open(dir.path());
  EXPECT_THAT(set.classes(), ElementsAre("a", "a-b"));
  EXPECT_THAT(
      names_of(set),
      ElementsAre("a/1.png=0", "a/2.png=0", "a/deep/0.png=0", "a-b/1.png=1"));
  EXPECT_THAT(
      names_of(ImageSet::open(dir.path(), {.per_class = 1})),
      ElementsAre("a/1.png=0", "a-b/1.png=1"));
  EXPECT_THAT(
      names_of(ImageSet::open(dir.path(), {.limit = 2})),
      ElementsAre("a/1.png=0", "a/2.png=0"));
}

TEST(ImageSetTest, AListNamesTheClasses) {
  const TempDir dir;
  fill(dir, {"images/n2_x.png", "images/n1_y.png"});
  const auto list = dir.write("list.txt", "n9\nn2\nn1\n");
  const auto set = ImageSet::open(dir.path() / "images", {.class_names = list});
  EXPECT_THAT(names_of(set), ElementsAre("n1_y.png=2", "n2_x.png=1"));
  const auto shorter = dir.write("shorter.txt", "n1");
  EXPECT_THAT(
      error_of<FileError>(dir.path() / "images", {.class_names = shorter}),
      HasSubstr("class 'n2' of 'n2_x.png' is not in the list"));
  const auto twice = dir.write("twice.txt", "n1\nn1\n");
  EXPECT_THAT(
      error_of<FileError>(dir.path() / "images", {.class_names = twice}),
      HasSubstr("twice.txt:2] class 'n1' is on line 1 too"));
}

TEST(ImageSetTest, ImagesBesideClassFoldersAreRefused) {
  const TempDir dir;
  fill(dir, {"a/1.png", "0.png"});
  EXPECT_THAT(
      error_of<FileError>(dir.path()),
      HasSubstr("images beside class folders: '0.png' and 'a/1.png'"));
}

TEST(ImageSetTest, AFolderWithoutImagesIsAnError) {
  const TempDir dir;
  EXPECT_THAT(error_of<FileError>(dir.path()), HasSubstr("holds no images"));
}

TEST(ImageSetTest, ATarIsReadWhereItLies) {
  const TempDir dir;
  const std::string long_name = "val/" + std::string(150, 'x') + "/1.png";
  const auto path = dir.write(
      "set.tar",
      tar_member("././@LongLink", long_name + '\0', 'L') +
          tar_member(long_name.substr(0, 100), a_png()) +
          tar_member("./PaxHeaders/2", "21 path=val/b/\xC3\xA9.png\n", 'x') +
          tar_bytes(
              {{"short", a_png()},
               {"val/a/2.png", a_png().substr(0, 40)},
               {"val/a/readme", "text"}}));
  const auto set = ImageSet::open(path);
  EXPECT_THAT(
      names_of(set),
      ElementsAre(
          "a/2.png=0", "b/\xC3\xA9.png=1", std::string(150, 'x') + "/1.png=2"));
  EXPECT_EQ(set.read(1).size(0), 3);
  try {
    set.read(0);
    FAIL();
  } catch (const FileError& error) {
    EXPECT_THAT(
        error.what(), HasSubstr("set.tar:a/2.png] is a broken PNG image"));
  }
}

TEST(ImageSetTest, DamagedArchivesAreRefused) {
  const TempDir dir;
  const std::string good = tar_bytes({{"a/1.png", a_png()}});
  EXPECT_EQ(error_of<FileError>(dir.write("1.tar", good)), "no error");
  EXPECT_THAT(
      error_of<FileError>(dir.write("2.tar", good.substr(0, 530))),
      HasSubstr("truncated"));
  EXPECT_THAT(
      error_of<FileError>(
          dir.write("3.tar", good.substr(0, 1024) + std::string(512, 'x'))),
      HasSubstr("no header at byte 1024"));
  EXPECT_THAT(
      error_of<FileError>(dir.write("4.tar.gz", "\x1F\x8B\x08 and so on")),
      HasSubstr("compressed"));
  EXPECT_THAT(
      error_of<FileError>(dir.write("5", "something else")),
      HasSubstr("expected a folder of images, a tar archive"));
  EXPECT_THAT(
      error_of<FileError>(dir.write("6.tar", tar_member("a/1.png", "", '2'))),
      HasSubstr("'a/1.png' is a link"));
}

TEST(ImageSetTest, ReadsCifarsPlanes) {
  const TempDir dir;
  std::string record(3072, '\0');
  record[0] = 1; // red, green and blue of the first pixel
  record[1024] = 2;
  record[2048] = 3;
  const auto ten = dir.write(
      "test_batch.bin", std::string(1, '\x07') + record + '\x02' + record);
  const auto set = ImageSet::open(ten);
  EXPECT_THAT(names_of(set), ElementsAre("0=7", "1=2"));
  const auto image = set.read(1);
  EXPECT_EQ(image.sizes(), (std::vector<std::int64_t>{32, 32, 3}));
  EXPECT_EQ(image[0][0][2].item<int>(), 3);
  const auto hundred = dir.write("test.bin", std::string("\x0B\x42") + record);
  EXPECT_THAT(names_of(ImageSet::open(hundred)), ElementsAre("0=66"));
  EXPECT_THAT(
      error_of<FileError>(dir.write("odd.bin", "12345")),
      HasSubstr("is no CIFAR file"));
  EXPECT_THAT(
      error_of<FileError>(dir.write("bad.bin", '\x0A' + record)),
      HasSubstr("label 10 is outside"));
}

} // namespace
} // namespace ma
