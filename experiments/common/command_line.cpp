// CLI11, which no other file sees.
#include "experiments/common/command_line.h"

#include <algorithm>
#include <cstdlib>
#include <ostream>

#include "experiments/common/build_info.h"
#include "experiments/common/host.h"
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace ma::experiments {
namespace {

std::string version_text() {
  const auto build = build_info();
  return "libma " + build.version + " (commit " + build.commit +
         (build.dirty ? ", changed" : "") + "), torch " + torch_version();
}

} // namespace

std::variant<CommandLine, Exit> parse_command_line(
    const std::string& program,
    const std::string& summary,
    const std::vector<std::string>& args,
    std::ostream& out,
    std::ostream& err) {
  CommandLine line;
  std::string output;
  CLI::App app(summary, program);
  app.set_version_flag("--version", version_text());
  app.add_option("config", line.config, "YAML file that says what to run")
      ->required()
      ->type_name("CONFIG.yaml");
  app.add_option_function<std::string>(
         "--set",
         [&](const std::string& text) { line.overrides.push_back(text); },
         "Replace a value, e.g. model.dtype=bfloat16")
      ->type_name("KEY=VALUE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->trigger_on_parse();
  app.add_option(
         "--output",
         output,
         "Folder for the results; replaces the config's `output`")
      ->type_name("DIR");
  app.add_option("--threads", line.threads, "CPU threads for torch")
      ->check(CLI::PositiveNumber)
      ->type_name("N");
  app.add_flag(
      "--dry-run",
      line.dry_run,
      "Check the config, print it with all defaults, run nothing");
  app.add_flag("--quiet", line.quiet, "Print errors only");
  try {
    std::vector<std::string> reversed(
        args.rbegin(), args.rend()); // as CLI11 wants them
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error, out, err);
      return Exit{0};
    }
    err << "error: [command line] " << error.what() << "; see " << program
        << " --help\n";
    return Exit{2};
  }
  if (!output.empty()) {
    line.overrides.push_back("output=" + nlohmann::json(output).dump());
  }
  return line;
}

std::filesystem::path home_from_environment() {
  if (const char* home = std::getenv("LIBMA_HOME");
      home != nullptr && *home != '\0') {
    return home;
  }
  const char* user = std::getenv("HOME");
  return std::filesystem::path(user != nullptr ? user : ".") / ".cache" /
         "libma";
}

} // namespace ma::experiments
