// record.json: everything needed to know where a number came from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/table.h"

namespace ma::experiments {

/// One measured number.
struct Metric {
  std::string name = {};
  double value = 0;
  std::string unit = {}; ///< "nats", "%", "" when there is none
  std::map<std::string, std::string> labels =
      {}; ///< of what: {"condition": "zero", "task": "piqa"}
};

/// Each number of a table as a Metric, labelled with the text cells of its row.
std::vector<Metric> metrics_of(const Table& table);

/// Adds the numbers of `table` to `metrics`, as metrics_of has them.
void append(std::vector<Metric>& metrics, const Table& table);

/// SHA-256 of each file, by its path as given.
std::map<std::string, std::string> hash_files(
    const std::vector<std::filesystem::path>& paths);

/// What only the experiment itself knows.
struct Findings {
  std::string device = {}; ///< as used: "cuda:0", not "auto"
  std::string dtype = {};
  std::map<std::string, std::string> model_files = {}; ///< from hash_files
  std::map<std::string, std::string> text_files = {};  ///< from hash_files
  std::vector<Metric> metrics = {};
  nlohmann::json details =
      {}; ///< whatever else belongs on record; an object or null
};

/// What the runner knows.
struct RunFacts {
  std::string experiment = {};
  nlohmann::json config = {}; ///< as resolved
  std::int64_t seed = 0;
  bool resumed = false; ///< continued an earlier run's journal; `seconds` is
                        ///< this process's share
  std::vector<std::string> files = {}; ///< names of the results' files
  std::string started = {};            ///< UTC
  double seconds = 0;
};

/// The record as JSON: `facts`, `findings`, and the versions, host, threads and
/// peak memory of this process.
nlohmann::json make_record(const RunFacts& facts, const Findings& findings);

} // namespace ma::experiments
