#include "libma/eval/task.h"

#include <ostream>

#include "tests/temporary_folder.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kTask = R"(description: A made-up task
kind: multiple_choice
version: 3
data: rows.jsonl
context: "Q: {question}"
choices: "{options}"
gold: "{label}"
)";
constexpr const char* kRows =
    R"({"question": "a", "options": ["x", "yy"], "label": 1}
{"question": "b", "options": ["u", "v", "w", "z"], "label": "0"}
)";

std::string replaced(
    std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

/// A user's task file with its rows beside it.
class TaskTest : public ::testing::Test {
 protected:
  Task load(
      const std::string& task = kTask,
      const std::string& rows = kRows,
      std::int64_t limit = 0) {
    folder_.write("rows.jsonl", rows);
    return load_task(
        folder_.write("mine.yaml", task).string(), {.limit = limit});
  }
  test::TemporaryFolder folder_;
};

TEST_F(TaskTest, TakesItsNameFromTheFile) {
  const Task task = load();
  EXPECT_EQ(task.name, "mine");
  EXPECT_EQ(task.version, 3);
  EXPECT_EQ(task.data, folder_ / "rows.jsonl");
}

TEST_F(TaskTest, AsksEachChoiceAfterASpace) {
  const Task task = load();
  ASSERT_EQ(task.documents.size(), 2U);
  const TaskDocument& first = task.documents[0];
  EXPECT_THAT(first.choices, ElementsAre("x", "yy"));
  ASSERT_EQ(first.requests.size(), 2U);
  EXPECT_EQ(first.requests[1].context, "Q: a");
  EXPECT_EQ(first.requests[1].continuation, " yy");
  EXPECT_EQ(first.gold, 1);
}

TEST_F(TaskTest, PutsTheDelimiterInFrontOfContinuations) {
  const Task task = load(std::string(kTask) + "delimiter: ' = '\n");
  EXPECT_EQ(task.documents[0].requests[0].continuation, " = x");
}

TEST_F(TaskTest, ReadsNoMoreRowsThanTheLimit) {
  const Task task = load(kTask, std::string(kRows) + "not JSON\n", 2);
  EXPECT_EQ(task.documents.size(), 2U);
}

TEST_F(TaskTest, RefusesANegativeLimit) {
  EXPECT_THROW(load(kTask, kRows, -1), ConfigError);
}

TEST_F(TaskTest, PassesOverBlankLines) {
  const Task task = load(kTask, "\n" + std::string(kRows) + "\n\n");
  EXPECT_EQ(task.documents.size(), 2U);
  EXPECT_EQ(task.documents[1].index, 1);
}

TEST_F(TaskTest, GuessingIsTheMeanOverDocuments) {
  EXPECT_DOUBLE_EQ(load().chance.value_or(-1), (0.5 + 0.25) / 2);
}

TEST_F(TaskTest, HasAccuracyWhereNoMetricIsNamed) {
  EXPECT_THAT(load().metrics, ElementsAre("acc"));
}

TEST_F(TaskTest, DerivedFieldsMayUseEarlierOnes) {
  const auto task = load(
      "fields: {asked: '<{question}>', word: {text: '{asked}', words: {<a>: "
      "one, "
      "<b>: two}}}\n" +
      replaced(kTask, "Q: {question}", "{word}"));
  EXPECT_EQ(task.documents[1].requests[0].context, "two");
}

TEST_F(TaskTest, IsFoundInTheCacheByItsName) {
  std::filesystem::create_directory(folder_ / "tasks");
  folder_.write("tasks/own.yaml", kTask);
  folder_.write("tasks/rows.jsonl", kRows);
  const Task task = load_task("own", {.home = folder_.path()});
  EXPECT_EQ(task.documents.size(), 2U);
}

TEST_F(TaskTest, ABuiltInTaskComesBeforeOneOfTheSameNameInTheCache) {
  for (const char* name : {"tasks", "datasets"}) {
    std::filesystem::create_directory(folder_ / name);
  }
  folder_.write("tasks/piqa.yaml", kTask);
  folder_.write("tasks/rows.jsonl", kRows);
  folder_.write(
      "datasets/piqa.jsonl",
      R"({"goal": "g", "sol1": "a", "sol2": "b", "label": 0})");
  folder_.write("datasets/piqa.source.json", "{}");
  const Task task = load_task("piqa", {.home = folder_.path()});
  EXPECT_EQ(task.documents[0].requests[0].context, "Question: g\nAnswer:");
}

TEST_F(TaskTest, SaysWhichTasksThereAre) {
  EXPECT_THROW(
      try { load_task("hellaswig"); } catch (const UnknownNameError& error) {
        EXPECT_THAT(error.what(), HasSubstr("nearest: hellaswag"));
        throw;
      },
      UnknownNameError);
}

TEST_F(TaskTest, SaysHowAMissingDataSetIsFetched) {
  EXPECT_THROW(
      try {
        load_task("piqa", {.home = folder_.path()});
      } catch (const FileError& error) {
        EXPECT_THAT(error.what(), HasSubstr("run: libma fetch piqa"));
        throw;
      },
      FileError);
}

struct Mistake {
  std::string name;
  std::string task;
  std::string rows;
  std::string message; ///< part of it, after the folder
};

std::ostream& operator<<(std::ostream& out, const Mistake& mistake) {
  return out << mistake.name;
}

class TaskMistakeTest : public TaskTest,
                        public ::testing::WithParamInterface<Mistake> {};

TEST_P(TaskMistakeTest, IsToldWithItsPlace) {
  EXPECT_THROW(
      try {
        load(GetParam().task, GetParam().rows);
      } catch (const Error& error) {
        EXPECT_THAT(
            error.what(), HasSubstr((folder_ / GetParam().message).string()));
        throw;
      },
      Error);
}

std::vector<Mistake> file_mistakes() {
  const auto with = [](const std::string& from, const std::string& to) {
    return replaced(kTask, from, to);
  };
  const std::string task = kTask;
  const std::string rows = kRows;
  return {
      {"UnknownKey", task + "contxt: x\n", rows, "mine.yaml:8] contxt"},
      {"MissingKey",
       with("version: 3\n", ""),
       rows,
       "mine.yaml:1] version: is required"},
      {"UnknownKind",
       with("multiple_choice", "multiple_choise"),
       rows,
       "mine.yaml:2] no kind of task named 'multiple_choise'; nearest: "
       "multiple_choice"},
      {"UnknownMetric",
       task + "metrics: [acc, acc_nrom]\n",
       rows,
       "mine.yaml:8] no metric named 'acc_nrom'; nearest: acc_norm"},
      {"MetricOfAnotherKind",
       task + "metrics: [acc, perplexity]\n",
       rows,
       "mine.yaml:8] no metric named 'perplexity'"},
      {"MetricsWithoutAccuracy",
       task + "metrics: [acc_norm]\n",
       rows,
       "mine.yaml:8] metrics: lacks acc"},
      {"MetricTwice",
       task + "metrics: [acc, acc]\n",
       rows,
       "mine.yaml:8] metrics: names 'acc' more than once"},
      {"UnknownFilter",
       with("{question}", "{question|capitalise}"),
       rows,
       "mine.yaml:5: context] no filter named 'capitalise'; nearest: "
       "capitalize"},
      {"OpenBrace",
       with("{question}", "{question"),
       rows,
       "mine.yaml:5: context] the brace at character 4 has no partner"},
      {"ChoicesOfTextAndField",
       with("\"{options}\"", "\"a {options}\""),
       rows,
       "mine.yaml:6] choices: expected a list, or one field in braces"},
      {"NegativeVersion",
       with("version: 3", "version: -1"),
       rows,
       "mine.yaml:3] version"},
      {"EmptyAmong",
       with("\"{label}\"", "{text: x, among: []}"),
       rows,
       "mine.yaml:7] gold.among: is empty"},
      {"MissingData",
       with("rows.jsonl", "absent.jsonl"),
       rows,
       "mine.yaml:4] data: there is no file"},
  };
}

std::vector<Mistake> row_mistakes() {
  const std::string task = kTask;
  const auto row = [](const std::string& from, const std::string& to) {
    return replaced(kRows, from, to);
  };
  const auto among =
      replaced(kTask, "\"{label}\"", "{text: '{label}', among: ['1', '2']}");
  const std::string word =
      "fields: {w: {text: '{question}', words: {a: one}}}\n" + task;
  return {
      {"NoRows", task, "\n", "rows.jsonl] has no document"},
      {"NotJson", task, row("{\"question\": \"b\"", "{"), "rows.jsonl:2]"},
      {"NotAnObject", task, "[1]\n", "rows.jsonl:1] expected an object"},
      {"MissingField",
       task,
       row("\"question\": \"b\"", "\"query\": \"b\""),
       "rows.jsonl:2] has no field 'question'; it has: label, options, query"},
      {"FieldOfAnotherType",
       task,
       row("\"question\": \"b\"", "\"question\": 1.5"),
       "rows.jsonl:2] field 'question': expected text or an integer"},
      {"NullField",
       task,
       row("\"question\": \"b\"", "\"question\": null"),
       "rows.jsonl:2] field 'question': expected text or an integer, got null"},
      {"ChoicesNoList",
       task,
       row("[\"x\", \"yy\"]", "\"x\""),
       "rows.jsonl:1] field 'options': expected a list, got string"},
      {"OneChoice",
       task,
       row("[\"x\", \"yy\"]", "[\"x\"]"),
       "rows.jsonl:1] has 1 choices; give at least two"},
      {"BlankChoice",
       task,
       row("\"yy\"", "\" \\u00a0\""),
       "rows.jsonl:1] choice 1 is empty"},
      {"GoldTooHigh",
       task,
       row("\"label\": 1", "\"label\": 2"),
       "rows.jsonl:1] gold: 2 is out of range; there are choices 0 to 1"},
      {"GoldNegative",
       task,
       row("\"label\": 1", "\"label\": -1"),
       "rows.jsonl:1] gold: -1 is out of range"},
      {"GoldNoNumber",
       task,
       row("\"label\": 1", "\"label\": \"1st\""),
       "rows.jsonl:1] gold: expected the index of a choice, got '1st'"},
      {"GoldEmpty",
       task,
       row("\"label\": 1", "\"label\": \"\""),
       "rows.jsonl:1] gold: expected the index of a choice, got ''"},
      {"GoldNotAmong", among, kRows, "rows.jsonl:2] gold: '0' is none of 1, 2"},
      {"NoWord", word, kRows, "rows.jsonl:2] fields.w has no word for 'b'"},
  };
}

const auto kNameOf = [](const auto& info) { return info.param.name; };
INSTANTIATE_TEST_SUITE_P(
    InTheFile, TaskMistakeTest, ::testing::ValuesIn(file_mistakes()), kNameOf);
INSTANTIATE_TEST_SUITE_P(
    InARow, TaskMistakeTest, ::testing::ValuesIn(row_mistakes()), kNameOf);

} // namespace
} // namespace ma
