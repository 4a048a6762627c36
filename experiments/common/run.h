// What an experiment has while it runs: where it writes, how it reports, what
// it leaves on record.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "experiments/common/progress_printer.h"
#include "experiments/common/record.h"
#include <nlohmann/json.hpp>

#include "libma/core/journal.h"
#include "libma/core/progress.h"
#include "libma/core/table.h"

namespace ma::experiments {

struct RunOptions {
  std::string experiment = {};
  nlohmann::json config = {};        ///< as resolved
  std::filesystem::path output = {}; ///< folder for the results
  std::filesystem::path home = {};   ///< fetched models and data
  std::int64_t seed = 0;
  bool quiet = false;
};

class Run {
 public:
  /// Creates the output folder. Throws FileError when it cannot.
  explicit Run(RunOptions options);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  /// Removes the folder if this run made it and left nothing in it.
  ~Run();

  const nlohmann::json& config() const { return options_.config; }
  const std::filesystem::path& output() const { return options_.output; }
  const std::filesystem::path& home() const { return options_.home; }
  std::int64_t seed() const { return options_.seed; }

  /// Shows progress; throws Interrupted after Ctrl-C, which stops the library's
  /// work between two steps.
  ProgressFn progress() const;
  /// For loops without a progress callback: throws Interrupted after Ctrl-C.
  void check_interrupt() const;

  /// The journal `name` in the output folder. What an earlier run left is
  /// recovered when it had the same config (but for `output`), build, torch,
  /// thread count and `inputs` (hashes of files, the device: whatever else
  /// decides the results).
  JsonlJournal open_journal(
      const nlohmann::json& inputs = {},
      std::string_view name = "journal.jsonl");

  /// Where the results' file `name` goes, for writers of other formats. Before
  /// the first one, what an earlier run has on record is removed: a folder
  /// holds the results of one run.
  std::filesystem::path file(std::string_view name) const;
  /// Replaces a file of the output folder in one step.
  void write(std::string_view name, std::string_view bytes) const;
  /// Writes `<name>.md` and `<name>.csv`, and prints the table unless quiet.
  void write_table(const Table& table, const std::string& name = "table") const;
  /// The same without printing: for tables that are too long for a terminal.
  void write_long_table(const Table& table, const std::string& name) const;
  /// Writes record.json, which names all files: call it last.
  void write_record(const Findings& findings) const;

 private:
  void remove_earlier_results() const;

  RunOptions options_;
  bool is_new_folder_ = false;
  mutable std::set<std::string> files_; // written so far
  std::shared_ptr<ProgressPrinter> printer_;
  std::string started_;
  std::chrono::steady_clock::time_point start_;
  bool resumed_ = false;
};

} // namespace ma::experiments
