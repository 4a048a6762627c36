// Output folder, journal, files.
#include "experiments/common/run.h"

#include <iostream>
#include <system_error>
#include <utility>

#include "experiments/common/build_info.h"
#include "experiments/common/host.h"
#include "experiments/common/interrupt.h"

#include "libma/core/error.h"
#include "libma/core/files.h"
#include "libma/io/sha256.h"

namespace ma::experiments {
namespace {

constexpr const char* kRecord = "record.json";
constexpr const char* kMainTable = "table";

} // namespace

Run::Run(RunOptions options)
    : options_(std::move(options)),
      printer_(
          std::make_shared<ProgressPrinter>(
              options_.quiet ? ProgressStyle::kSilent : ProgressStyle::kAuto)),
      started_(utc_now()),
      start_(std::chrono::steady_clock::now()) {
  std::error_code failure;
  is_new_folder_ =
      std::filesystem::create_directories(options_.output, failure);
  if (failure) {
    throw FileError(
        options_.output.string(),
        "cannot create the output folder: " + failure.message());
  }
}

Run::~Run() {
  if (is_new_folder_) {
    std::error_code not_empty;
    std::filesystem::remove(options_.output, not_empty);
  }
}

ProgressFn Run::progress() const {
  return [printer = printer_](const Progress& progress) {
    printer->show(progress);
    InterruptGuard::check();
  };
}

void Run::check_interrupt() const {
  InterruptGuard::check();
}

JsonlJournal Run::open_journal(
    const nlohmann::json& inputs, std::string_view name) {
  auto config = options_.config;
  config.erase("output"); // a folder may be moved
  const auto build = build_info();
  nlohmann::json header = {
      {"experiment", options_.experiment},
      {"config", std::move(config)},
      {"seed", options_.seed},
      {"libma", build.version},
      {"commit", build.commit},
      {"torch", torch_version()},
      {"threads", torch_threads()}, // decides the order of sums
      {"inputs", inputs}};
  if (build.dirty) { // the commit does not say which code this is
    header["binary"] = sha256_file(this_binary());
  }
  auto journal = JsonlJournal::open(options_.output / name, header);
  resumed_ = resumed_ || !journal.recovered().empty();
  return journal;
}

void Run::remove_earlier_results() const {
  const auto path = options_.output / kRecord;
  if (!std::filesystem::exists(path)) {
    return;
  }
  const auto record = nlohmann::json::parse(
      read_file(path), /*callback=*/nullptr, /*allow_exceptions=*/false);
  std::error_code ignored; // what cannot be removed is replaced, or stays
  if (record.is_object()) {
    for (const auto& name : record.value("files", nlohmann::json::array())) {
      const std::filesystem::path file = name.is_string() ? name : "";
      if (!file.empty() && file == file.filename()) {
        std::filesystem::remove(options_.output / file, ignored);
      }
    }
  }
  std::filesystem::remove(path, ignored);
}

std::filesystem::path Run::file(std::string_view name) const {
  if (files_.empty()) {
    remove_earlier_results();
  }
  files_.emplace(name);
  return options_.output / name;
}

void Run::write(std::string_view name, std::string_view bytes) const {
  write_file_atomically(file(name), bytes);
}

void Run::write_long_table(const Table& table, const std::string& name) const {
  write(name + ".md", table.to_markdown());
  write(name + ".csv", table.to_csv());
}

void Run::write_table(const Table& table, const std::string& name) const {
  write_long_table(table, name);
  if (!options_.quiet) {
    std::cout << (name == kMainTable ? "" : name + "\n") << table.to_text()
              << '\n'
              << std::flush;
  }
}

void Run::write_record(const Findings& findings) const {
  const std::chrono::duration<double> elapsed =
      std::chrono::steady_clock::now() - start_;
  const auto record = make_record(
      {.experiment = options_.experiment,
       .config = options_.config,
       .seed = options_.seed,
       .resumed = resumed_,
       .files = {files_.begin(), files_.end()},
       .started = started_,
       .seconds = elapsed.count()},
      findings);
  write(kRecord, record.dump(/*indent=*/2) + "\n");
}

} // namespace ma::experiments
