#include "libma/eval/prompt_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;

std::string render(const std::string& text, const json& row) {
  return PromptTemplate(text, "template").render(row, "row");
}

std::string error_of(const std::string& text, const json& row = {}) {
  try {
    render(text, row);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(PromptTemplateTest, FillsInFields) {
  EXPECT_EQ(render("Q: {q}\nA: {a}", {{"q", "x"}, {"a", "y"}}), "Q: x\nA: y");
}

TEST(PromptTemplateTest, LeavesTheTextOfFieldsAlone) {
  EXPECT_EQ(
      render("{q}", {{"q", "{a} {{ }} {q|strip}\n"}}), "{a} {{ }} {q|strip}\n");
}

TEST(PromptTemplateTest, DoubledBracesAreBraces) {
  EXPECT_EQ(render("{{{q}}} {{}}", {{"q", "x"}}), "{x} {}");
}

TEST(PromptTemplateTest, ReachesIntoListsAndObjects) {
  const json row = {{"a", {{"b", {"x", "y"}}}}};
  EXPECT_EQ(render("{a.b.1}", row), "y");
}

TEST(PromptTemplateTest, AppliesFiltersFromLeftToRight) {
  EXPECT_EQ(render("{q|strip|drop_last}", {{"q", " ab. "}}), "ab");
  EXPECT_EQ(render("{q|drop_last|strip}", {{"q", " ab. "}}), "ab.");
}

TEST(PromptTemplateTest, WritesNumbersAndTruthAsJsonDoes) {
  EXPECT_EQ(render("{n} {t}", {{"n", -3}, {"t", true}}), "-3 true");
}

TEST(PromptTemplateTest, HasNoFieldWithoutBraces) {
  EXPECT_EQ(render("", json::object()), "");
  EXPECT_FALSE(PromptTemplate("q", "template").is_field());
  EXPECT_FALSE(PromptTemplate("{q} ", "template").is_field());
  EXPECT_TRUE(PromptTemplate("{q|strip}", "template").is_field());
}

TEST(PromptTemplateTest, FiltersEachElementOfAList) {
  const PromptTemplate choices("{c.text|strip}", "template");
  const json row = {{"c", {{"text", {" a", "b ", 3}}}}};
  EXPECT_THAT(choices.render_list(row, "row"), ElementsAre("a", "b", "3"));
}

TEST(PromptTemplateTest, AnUnclosedBraceIsAnError) {
  EXPECT_EQ(
      error_of("ab {q"),
      "[template] the brace at character 4 has no partner; write {{ and }} for "
      "braces");
  EXPECT_THAT(error_of("{q{a}"), ::testing::HasSubstr("at character 1 has"));
  EXPECT_THAT(error_of("a } b"), ::testing::HasSubstr("at character 3 has"));
}

TEST(PromptTemplateTest, AFieldNeedsAName) {
  for (const char* text : {"{}", "{|strip}", "{a.}", "{.a}"}) {
    EXPECT_EQ(error_of(text), "[template] a field in braces has no name");
  }
}

TEST(PromptTemplateTest, AnUnknownFilterIsAnErrorBeforeAnyRow) {
  EXPECT_THROW(PromptTemplate("{q|strop}", "template"), UnknownNameError);
  EXPECT_THROW(PromptTemplate("{q|}", "template"), UnknownNameError);
}

TEST(PromptTemplateTest, AMissingFieldIsAnErrorThatNamesTheOthers) {
  EXPECT_EQ(
      error_of("{q}", {{"a", 1}, {"b", 2}}),
      "[row] has no field 'q'; it has: a, b");
}

TEST(PromptTemplateTest, AnElementThatAListLacksIsAnError) {
  for (const char* text : {"{c.2}", "{c.-1}", "{c.0x}", "{c.a}", "{c.0.0}"}) {
    EXPECT_THAT(
        error_of(text, {{"c", {"x", "y"}}}),
        ::testing::HasSubstr("[row] has no field 'c."));
  }
}

TEST(PromptTemplateTest, OnlyTextAndIntegersCanBeFilledIn) {
  for (const json& value :
       {json(1.5), json(nullptr), json({1}), json({{"a", 1}})}) {
    EXPECT_THAT(
        error_of("{q}", {{"q", value}}),
        ::testing::HasSubstr("[row] field 'q': expected text or an integer"));
  }
}

} // namespace
} // namespace ma
