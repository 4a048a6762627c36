// Puts record.json together.
#include "experiments/common/record.h"

#include <thread>

#include "experiments/common/build_info.h"
#include "experiments/common/host.h"

#include "libma/core/json_number.h"
#include "libma/io/sha256.h"

namespace ma::experiments {
namespace {

nlohmann::json to_json(const Metric& metric) {
  nlohmann::json json = {
      {"name", metric.name},
      {"value", json_number(metric.value)},
      {"unit", metric.unit}};
  if (!metric.labels.empty()) {
    json["labels"] = metric.labels;
  }
  return json;
}

nlohmann::json describe_host() {
  return {
      {"cpu", cpu_model()},
      {"logical_cores", std::thread::hardware_concurrency()},
      {"gpus", gpu_models()}};
}

nlohmann::json describe_build() {
  const auto build = build_info();
  return {
      {"version", build.version},
      {"commit", build.commit},
      {"dirty", build.dirty}};
}

} // namespace

void append(std::vector<Metric>& metrics, const Table& table) {
  const auto more = metrics_of(table);
  metrics.insert(metrics.end(), more.begin(), more.end());
}

std::vector<Metric> metrics_of(const Table& table) {
  std::vector<Metric> metrics;
  for (const auto& row : table.rows()) {
    std::map<std::string, std::string> labels;
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (const auto* text = std::get_if<std::string>(&row[i])) {
        labels[table.columns()[i].name] = *text;
      }
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto& column = table.columns()[i];
      if (const auto* number = std::get_if<double>(&row[i])) {
        metrics.push_back({column.name, *number, column.unit, labels});
      } else if (const auto* estimate = std::get_if<Estimate>(&row[i])) {
        metrics.push_back({column.name, estimate->value, column.unit, labels});
        metrics.push_back(
            {column.name + " std error",
             estimate->std_error,
             column.unit,
             labels});
      } else if (const auto* count = std::get_if<std::int64_t>(&row[i])) {
        metrics.push_back(
            {column.name, static_cast<double>(*count), column.unit, labels});
      }
    }
  }
  return metrics;
}

std::map<std::string, std::string> hash_files(
    const std::vector<std::filesystem::path>& paths) {
  std::map<std::string, std::string> hashes;
  for (const auto& path : paths) {
    hashes[path.string()] = sha256_file(path);
  }
  return hashes;
}

nlohmann::json make_record(const RunFacts& facts, const Findings& findings) {
  auto metrics = nlohmann::json::array();
  for (const auto& metric : findings.metrics) {
    metrics.push_back(to_json(metric));
  }
  nlohmann::json record = {
      {"experiment", facts.experiment},
      {"config", facts.config},
      {"seed", facts.seed},
      {"resumed", facts.resumed},
      {"files", facts.files},
      {"started", facts.started},
      {"seconds", facts.seconds},
      {"libma", describe_build()},
      {"torch", torch_version()},
      {"host", describe_host()},
      {"threads", torch_threads()},
      {"device", findings.device},
      {"dtype", findings.dtype},
      {"model_files", findings.model_files},
      {"text_files", findings.text_files},
      {"peak_memory_bytes", peak_memory_bytes()},
      {"metrics", std::move(metrics)}};
  if (const auto device_bytes = peak_device_memory_bytes()) {
    record["peak_device_memory_bytes"] = *device_bytes;
  }
  if (!findings.details.is_null()) {
    record["details"] = findings.details;
  }
  return record;
}

} // namespace ma::experiments
