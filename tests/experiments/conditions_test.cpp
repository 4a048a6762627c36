// Tokens by role in the conditions of an ablation.
#include "experiments/common/conditions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libma/core/error.h"
#include "libma/core/yaml.h"

namespace ma::experiments {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A table with one condition that edits these positions.
std::vector<ConditionSettings> read(const std::string& positions) {
  const Yaml config = Yaml::parse(
      "conditions:\n"
      "  - original\n"
      "  - {name: zero, layer: 2, value: 0,\n"
      "     select: {kind: explicit, dims: [5], positions: " +
          positions + "}}\n",
      "edit.yaml");
  auto settings = read_conditions(config, {});
  config.reject_unknown();
  return settings;
}

/// A class token and a grid in which patch:3,4 stands at 31.
std::int64_t position_of(const std::string& role, std::string_view where) {
  if (role == "cls") {
    return 0;
  }
  if (role == "patch:3,4") {
    return 31;
  }
  throw UnknownNameError(where, "no token named '" + role + "'");
}

MassiveProfile found() {
  MassiveProfile profile;
  profile.sites = {{.dim = 5}};
  return profile;
}

std::string problem_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing is wrong";
}

TEST(ConditionsTest, RolesBecomePositionsAmongNumbers) {
  const auto conditions =
      make_conditions(read("[cls, -1, 'patch:3,4']"), found(), position_of);
  ASSERT_EQ(conditions[1].edits.size(), 1U);
  EXPECT_THAT(
      conditions[1].edits[0].options().select.positions,
      ElementsAre(0, -1, 31));
}

TEST(ConditionsTest, ARoleThatThereIsNotIsLocated) {
  const auto settings = read("[0, clss]");
  const std::string expected = "[edit.yaml:4] no token named 'clss'";
  EXPECT_EQ(problem_of([&] { check_tokens(settings, position_of); }), expected);
  EXPECT_EQ(
      problem_of([&] { make_conditions(settings, found(), position_of); }),
      expected);
}

TEST(ConditionsTest, APatchCutAtItsCommaAsksForQuotes) {
  const auto problem = problem_of([] { read("[patch:3,4]"); });
  EXPECT_THAT(problem, HasSubstr("edit.yaml:4"));
  EXPECT_THAT(problem, HasSubstr("in quotes, 'patch:3,4'"));
}

} // namespace
} // namespace ma::experiments
