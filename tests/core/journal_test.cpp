// Resumption: what survives a crash, and what a changed header does.
#include "libma/core/journal.h"

#include "tests/temporary_folder.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libma/core/error.h"
#include "libma/core/files.h"

namespace ma {
namespace {

using Json = nlohmann::json;

const Json kHeader = {{"config", "abc"}};

class JsonlJournalTest : public testing::Test {
 protected:
  std::vector<Json> reopen(const Json& header = kHeader) {
    return JsonlJournal::open(path_, header).recovered();
  }

  void write_lines(int count) {
    auto journal = JsonlJournal::open(path_, kHeader);
    for (int i = 0; i < count; ++i) {
      journal.append({{"i", i}, {"nll", 0.1 * i}});
    }
  }

  void append_bytes(std::string_view bytes) {
    std::ofstream(path_, std::ios::app | std::ios::binary) << bytes;
  }

  test::TemporaryFolder folder_;
  std::filesystem::path path_ = folder_ / "journal.jsonl";
};

TEST_F(JsonlJournalTest, StartsWithItsHeader) {
  EXPECT_TRUE(reopen().empty());
  EXPECT_EQ(read_file(path_), "{\"config\":\"abc\"}\n");
}

TEST_F(JsonlJournalTest, ReturnsTheLinesOfAnEarlierRunExactly) {
  write_lines(3);
  const auto lines = reopen();
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[2]["nll"].get<double>(), 0.1 * 2);
}

TEST_F(JsonlJournalTest, DropsATornLastLineAndContinuesBehindTheRest) {
  write_lines(2);
  const auto complete = read_file(path_);
  append_bytes(R"({"i": 2, "nl)");
  {
    auto journal = JsonlJournal::open(path_, kHeader);
    EXPECT_EQ(journal.recovered().size(), 2U);
    EXPECT_EQ(read_file(path_), complete);
    journal.append({{"i", 2}});
  }
  EXPECT_EQ(reopen().back()["i"], 2);
}

TEST_F(JsonlJournalTest, DropsAGarbledLineAndWhatFollows) {
  write_lines(1);
  append_bytes(std::string("\0\0\0\n{\"i\": 7}\n", 14));
  EXPECT_EQ(reopen().size(), 1U);
}

TEST_F(JsonlJournalTest, SetsAsideAJournalWithAnotherHeader) {
  write_lines(2);
  const auto before = read_file(path_);
  EXPECT_TRUE(reopen({{"config", "other"}}).empty());
  EXPECT_EQ(read_file(folder_ / "journal.jsonl.old"), before);
  EXPECT_EQ(read_file(path_), "{\"config\":\"other\"}\n");
}

TEST_F(JsonlJournalTest, RefusesASecondWriter) {
  const auto journal = JsonlJournal::open(path_, kHeader);
  EXPECT_THROW(JsonlJournal::open(path_, kHeader), FileError);
}

TEST_F(JsonlJournalTest, KeepsTextThatIsNotUtf8Readable) {
  {
    auto journal = JsonlJournal::open(path_, kHeader);
    journal.append("a\xff\nb");
  }
  EXPECT_EQ(reopen(), std::vector<Json>{"a\xEF\xBF\xBD\nb"});
}

TEST_F(JsonlJournalTest, KeepsEveryAppendedLineAfterKillNine) {
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const auto child = ::fork();
  if (child == 0) {
    auto journal = JsonlJournal::open(path_, kHeader);
    for (int i = 0; i < 100; ++i) {
      journal.append(i);
    }
    static_cast<void>(::write(ready[1], "x", 1));
    ::pause();
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(reopen().size(), 100U);
}

} // namespace
} // namespace ma
