// The options that all experiments share.
#include "experiments/common/command_line.h"

#include <cstdlib>
#include <sstream>

#include <gtest/gtest.h>

namespace ma::experiments {
namespace {

struct Parsed {
  std::variant<CommandLine, Exit> result;
  std::string out;
  std::string err;

  const CommandLine& line() const { return std::get<CommandLine>(result); }
  int status() const { return std::get<Exit>(result).status; }
};

Parsed parse(const std::vector<std::string>& args) {
  std::ostringstream out;
  std::ostringstream err;
  auto result = parse_command_line("count", "Counts.", args, out, err);
  return {std::move(result), out.str(), err.str()};
}

TEST(CommandLineTest, ReadsEveryOption) {
  const auto parsed = parse(
      {"--set",
       "a.b=c",
       "x.yaml",
       "--set=d=[1, 2]",
       "--output",
       "o \"1\"",
       "--threads",
       "3",
       "--dry-run",
       "--quiet"});
  const auto& line = parsed.line();
  EXPECT_EQ(line.config, "x.yaml");
  EXPECT_EQ(
      line.overrides,
      (std::vector<std::string>{"a.b=c", "d=[1, 2]", R"(output="o \"1\"")"}));
  EXPECT_EQ(line.threads, 3);
  EXPECT_TRUE(line.dry_run);
  EXPECT_TRUE(line.quiet);
}

TEST(CommandLineTest, LeavesOverridesAsTheyAre) {
  const auto parsed =
      parse({"x.yaml", "--set", "[a, b]", "--set", "{a: -1}", "--set", "a="});
  EXPECT_EQ(
      parsed.line().overrides,
      (std::vector<std::string>{"[a, b]", "{a: -1}", "a="}));
  EXPECT_FALSE(parsed.line().dry_run);
}

TEST(CommandLineTest, EndsWithTwoAndOneLineAfterAMistake) {
  const std::vector<std::vector<std::string>> mistakes = {
      {},
      {"x.yaml", "--unknown"},
      {"x.yaml", "y.yaml"},
      {"x.yaml", "--threads", "0"},
      {"x.yaml", "--set"}};
  for (const auto& args : mistakes) {
    const auto parsed = parse(args);
    ASSERT_TRUE(std::holds_alternative<Exit>(parsed.result));
    EXPECT_EQ(parsed.status(), 2);
    EXPECT_EQ(parsed.out, "");
    EXPECT_EQ(parsed.err.find("error: [command line] "), 0U) << parsed.err;
    EXPECT_EQ(parsed.err.find('\n'), parsed.err.size() - 1) << parsed.err;
  }
}

TEST(CommandLineTest, PrintsHelpAndVersionsOnRequest) {
  const auto help = parse({"--help"});
  EXPECT_EQ(help.status(), 0);
  EXPECT_NE(help.out.find("--set KEY=VALUE"), std::string::npos) << help.out;
  const auto version = parse({"--version"});
  EXPECT_EQ(version.status(), 0);
  EXPECT_EQ(version.out.find("libma "), 0U) << version.out;
  EXPECT_NE(version.out.find(", torch 2."), std::string::npos) << version.out;
}

TEST(HomeTest, PrefersTheEnvironment) {
  ::setenv("LIBMA_HOME", "/elsewhere", 1);
  EXPECT_EQ(home_from_environment(), "/elsewhere");
  ::unsetenv("LIBMA_HOME");
  ::setenv("HOME", "/users/ada", 1);
  EXPECT_EQ(home_from_environment(), "/users/ada/.cache/libma");
}

} // namespace
} // namespace ma::experiments
