// Command line -> config -> work -> exit status.
#include "experiments/common/experiment.h"

#include <iostream>
#include <new>

#include "experiments/common/command_line.h"
#include "experiments/common/host.h"
#include "experiments/common/interrupt.h"

#include "libma/core/error.h"
#include "libma/core/log.h"

namespace ma::experiments {
namespace {

constexpr int kSuccess = 0;
constexpr int kBug = 1;
constexpr int kUserError = 2;
constexpr int kInterrupted = 130; // what shells report after Ctrl-C

/// The keys that every config may have.
RunOptions read_common(
    const Yaml& config, const std::string& name, const CommandLine& line) {
  const auto experiment = config.get_or<std::string>("experiment", name);
  if (experiment != name) {
    throw config["experiment"].error(
        "this config is for '" + experiment + "', but '" + name +
        "' was started");
  }
  RunOptions options{
      .experiment = name, .home = home_from_environment(), .quiet = line.quiet};
  options.seed = config.get_or<std::int64_t>("seed", 0);
  options.output = config.get_or<std::string>(
      "output", "results/" + line.config.stem().string());
  return options;
}

void run_from(
    const CommandLine& line,
    const std::string& name,
    const std::function<Plan(const Yaml&)>& prepare) {
  log::to_stderr(line.quiet ? log::Level::kError : log::Level::kInfo);
  if (line.threads > 0) {
    set_torch_threads(line.threads);
  }
  const auto config = Yaml::load(line.config, line.overrides);
  auto options = read_common(config, name, line);
  const auto plan = prepare(config);
  config.reject_unknown();
  options.config = config.resolved();
  if (line.dry_run) {
    std::cout << options.config.dump(/*indent=*/2) << '\n';
    if (plan.check) {
      plan.check(options.home);
    }
    return;
  }
  const InterruptGuard guard;
  Run run(std::move(options));
  plan.work(run);
}

} // namespace

bool is_out_of_memory(const std::exception& error) {
  const std::string_view what = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         what.find("out of memory") != std::string_view::npos ||
         what.find("can't allocate memory") != std::string_view::npos;
}

int run_experiment(
    const std::string& name,
    const std::string& summary,
    const std::vector<std::string>& args,
    const std::function<Plan(const Yaml&)>& prepare) {
  try {
    const auto parsed =
        parse_command_line(name, summary, args, std::cout, std::cerr);
    if (const auto* exit = std::get_if<Exit>(&parsed)) {
      return exit->status;
    }
    run_from(std::get<CommandLine>(parsed), name, prepare);
    return kSuccess;
  } catch (const Interrupted&) {
    std::cerr << "\ninterrupted; the same command continues from here" << '\n';
    return kInterrupted;
  } catch (const Problems& problems) {
    for (const std::string& line : problems.lines()) {
      std::cerr << "error: " << line << '\n';
    }
    return kUserError;
  } catch (const Error& error) {
    std::cerr << "error: " << one_line(error) << '\n';
    return kUserError;
  } catch (const std::exception& error) {
    const auto message = one_line(error);
    if (is_out_of_memory(error)) {
      std::cerr << "error: [memory] " << message
                << "; use a smaller batch, window or dtype" << '\n';
      return kUserError;
    }
    std::cerr << "error: " << message
              << "\nthis is a bug in libma: please report it with the command "
                 "and its config"
              << '\n';
    return kBug;
  }
}

} // namespace ma::experiments
