// The smallest experiment: counts slowly, remembers where it was, and fails on
// request.
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>

#include "experiments/common/experiment.h"

#include "libma/core/error.h"

namespace ma::experiments {
namespace {

struct Settings {
  std::int64_t count = 0;
  std::int64_t milliseconds = 0; ///< for each step
  std::string failure;
};

Settings read_settings(const Yaml& config) {
  return {
      .count = config.get<std::int64_t>("count", at_least(0)),
      .milliseconds = config.get_or<std::int64_t>("milliseconds", 0),
      .failure = config.get_or<std::string>("failure", "none")};
}

void fail(const std::string& failure) {
  if (failure == "user") {
    throw FileError("weights.bin", "is truncated\nat byte 7");
  }
  if (failure == "memory") {
    throw std::bad_alloc();
  }
  if (failure == "bug") {
    throw std::logic_error("index -1\nframe #0: somewhere");
  }
}

void count(const Settings& settings, Run& run) {
  fail(settings.failure);
  auto journal = run.open_journal({{"model", "abc"}});
  std::string lines;
  for (const auto& line : journal.recovered()) {
    lines += line.dump() + "\n";
  }
  auto done = static_cast<std::int64_t>(journal.recovered().size());
  ProgressCounter counter(
      run.progress(),
      {.stage = "counting",
       .done = done,
       .total = settings.count,
       .unit = "numbers"});
  Table table({{.name = "what"}, {.name = "sum", .unit = "units"}});
  for (; done < settings.count; ++done) {
    std::this_thread::sleep_for(
        std::chrono::milliseconds(settings.milliseconds));
    const nlohmann::json line = {{"number", done}, {"third", done / 3.0}};
    journal.append(line);
    lines += line.dump() + "\n";
    counter.add(1);
  }
  table.add_row({"all", settings.count * (settings.count - 1) / 2});
  run.write("numbers.jsonl", lines);
  run.write_table(table);
  run.write_record(
      {.device = "cpu", .dtype = "float32", .metrics = metrics_of(table)});
}

} // namespace

int run_count(const std::vector<std::string>& args) {
  return run_experiment(
      "count",
      "Counts, to test what experiments share",
      args,
      read_settings,
      count);
}

} // namespace ma::experiments
