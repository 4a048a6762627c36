// The frame of every experiment: command line, config, errors, exit status.
//
//   // Reads every key; nothing has run yet.
//   Settings read_settings(const Yaml& config);
//   // The work.
//   void measure(const Settings& settings, Run& run);
//
//   int run_norms(const std::vector<std::string>& args) {
//     return run_experiment(
//         "norms", "What it measures", args, read_settings, measure);
//   }
#pragma once

#include <exception>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "experiments/common/problems.h"
#include "experiments/common/run.h"

#include "libma/core/yaml.h"

namespace ma::experiments {

/// The work that remains once the config is read.
using Work = std::function<void(Run&)>;

/// What a dry run looks at beside the config, given the folder of fetched
/// models and data. Throws Problems.
using Check = std::function<void(const std::filesystem::path& home)>;

/// What there is to do, once the config is read.
struct Plan {
  Work work;
  Check check = {}; ///< may be empty
};

/// Whether `error` says that memory, of the host or of a device, ran out.
bool is_out_of_memory(const std::exception& error);

/// Runs an experiment from its command line: `CONFIG.yaml [--set a.b=c]...
/// [--output DIR] [--dry-run] ...`.
///
/// `prepare` reads the config and returns the plan. Keys it did not ask for are
/// errors, found before anything runs; the keys `experiment`, `output` and
/// `seed` are read here. Returns the exit status: 0 on success, 2 for what the
/// user can mend (one line on standard error), 130 when interrupted, 1 for a
/// bug. Does not throw.
int run_experiment(
    const std::string& name,
    const std::string& summary,
    const std::vector<std::string>& args,
    const std::function<Plan(const Yaml&)>& prepare);

/// The same from two functions: `Settings read(const Yaml&)` and `void
/// work(const Settings&, Run&)`.
template <class Read, class WorkOn>
int run_experiment(
    const std::string& name,
    const std::string& summary,
    const std::vector<std::string>& args,
    Read read,
    WorkOn work_on) {
  return run_experiment(name, summary, args, [&](const Yaml& config) -> Plan {
    return {[settings = read(config), work_on](Run& run) {
      work_on(settings, run);
    }};
  });
}

} // namespace ma::experiments
