// The command line that all experiments share.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <variant>
#include <vector>

namespace ma::experiments {

struct CommandLine {
  std::filesystem::path config;
  std::vector<std::string>
      overrides;   ///< "a.b=c", in order; `--output DIR` is the last
  int threads = 0; ///< 0: as torch decides
  bool dry_run = false;
  bool quiet = false;
};

/// Exit status of a run that ended while its command line was read: 0 after
/// --help and --version, 2 after a mistake.
struct Exit {
  int status = 0;
};

/// Reads `args` (without the program's name). Help and version go to `out`, one
/// line on what is wrong to `err`.
std::variant<CommandLine, Exit> parse_command_line(
    const std::string& program,
    const std::string& summary,
    const std::vector<std::string>& args,
    std::ostream& out,
    std::ostream& err);

/// Where fetched models and data are: the environment's LIBMA_HOME, or
/// ~/.cache/libma.
std::filesystem::path home_from_environment();

} // namespace ma::experiments
