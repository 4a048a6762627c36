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

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "experiments/common/run.h"

#include "libma/core/yaml.h"

namespace ma::experiments {

/// The work that remains once the config is read.
using Work = std::function<void(Run&)>;

/// Runs an experiment from its command line: `CONFIG.yaml [--set a.b=c]...
/// [--output DIR] [--dry-run] ...`.
///
/// `prepare` reads the config and returns the work. Keys it did not ask for are
/// errors, found before anything runs; the keys `experiment`, `output` and
/// `seed` are read here. Returns the exit status: 0 on success, 2 for what the
/// user can mend (one line on standard error), 130 when interrupted, 1 for a
/// bug. Does not throw.
int run_experiment(
    const std::string& name,
    const std::string& summary,
    const std::vector<std::string>& args,
    const std::function<Work(const Yaml&)>& prepare);

/// The same from two functions: `Settings read(const Yaml&)` and `void
/// work(const Settings&, Run&)`.
template <class Read, class WorkOn>
int run_experiment(
    const std::string& name,
    const std::string& summary,
    const std::vector<std::string>& args,
    Read read,
    WorkOn work_on) {
  return run_experiment(name, summary, args, [&](const Yaml& config) -> Work {
    return [settings = read(config), work_on](Run& run) {
      work_on(settings, run);
    };
  });
}

} // namespace ma::experiments
