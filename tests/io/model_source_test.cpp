#include "libma/io/model_source.h"

#include <functional>
#include <string>

#include "tests/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const FileError& error) {
    return error.what();
  }
  return "nothing was thrown";
}

/// A cache as `libma fetch` leaves it.
class ModelSourceTest : public ::testing::Test {
 protected:
  ModelSourceTest() {
    for (const auto* folder :
         {"models/tiny", "models/folder", "models/half", "texts"}) {
      std::filesystem::create_directories(home_ / folder);
    }
    home_.write("models/tiny/weights.gguf", "");
    home_.write("models/tiny/source.json", "{}");
    home_.write("models/folder/config.json", "{}");
    home_.write("models/folder/source.json", "{}");
    home_.write("models/half/weights.gguf", "");
    home_.write("texts/passages.jsonl", "{}");
    home_.write("texts/passages.source.json", "{}");
    home_.write("texts/half.jsonl", "{}");
  }
  test::TemporaryFolder home_;
};

TEST_F(ModelSourceTest, ReturnsAnExistingPathAsItIs) {
  const auto path = (home_ / "models/half/weights.gguf").string();
  EXPECT_EQ(find_model(path, home_.path()), path);
}

TEST_F(ModelSourceTest, FindsTheGgufFileOfAFetchedModel) {
  EXPECT_EQ(
      find_model("tiny", home_.path()), home_ / "models/tiny/weights.gguf");
}

TEST_F(ModelSourceTest, ReturnsTheFolderOfAHuggingFaceModel) {
  EXPECT_EQ(find_model("folder", home_.path()), home_ / "models/folder");
}

TEST_F(ModelSourceTest, SaysWhatToFetchAndWhatTheCacheHas) {
  const auto message = message_of([&] { find_model("tinny", home_.path()); });
  EXPECT_THAT(message, HasSubstr("run: libma fetch tinny"));
  EXPECT_THAT(message, HasSubstr("nearest first: tiny, folder)"));
}

TEST_F(ModelSourceTest, DoesNotSeeAModelWithoutItsRecord) {
  EXPECT_THROW(find_model("half", home_.path()), FileError);
  EXPECT_THROW(find_text("half", home_.path()), FileError);
}

TEST_F(ModelSourceTest, DoesNotLeaveTheCache) {
  EXPECT_THROW(find_text("../texts/passages", home_.path()), FileError);
  EXPECT_THROW(find_model("", home_.path()), FileError);
}

TEST_F(ModelSourceTest, FindsAFetchedText) {
  EXPECT_EQ(
      find_text("passages", home_.path()), home_ / "texts/passages.jsonl");
  EXPECT_THAT(
      message_of([&] { find_dataset("passages", home_.path()); }),
      HasSubstr("run: libma fetch passages"));
}

TEST_F(ModelSourceTest, DoesNotAdviseToFetchAPath) {
  const auto message =
      message_of([&] { find_text("texts/none.txt", home_.path()); });
  EXPECT_THAT(message, HasSubstr("texts/none.txt"));
  EXPECT_THAT(message, HasSubstr("is no text file; give a path"));
  EXPECT_THAT(message, Not(HasSubstr("run: libma fetch")));
}

TEST_F(ModelSourceTest, SaysThatThereIsNoCache) {
  EXPECT_THAT(
      message_of([] { find_model("tiny", ""); }),
      HasSubstr("no cache folder was given"));
}

} // namespace
} // namespace ma
