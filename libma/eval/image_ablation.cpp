// Pooled vectors and top classes of every condition, then the metrics.
#include "libma/eval/image_ablation.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/json_number.h"

namespace ma {
namespace {

const std::vector<std::pair<std::string, ImageMetric>> kMetrics = {
    {"cosine", ImageMetric::kCosine},
    {"nearest", ImageMetric::kNearest},
    {"knn", ImageMetric::kKnn},
    {"probe", ImageMetric::kProbe},
    {"top", ImageMetric::kTop}};

constexpr std::int64_t kTop = 5;

bool wants(const ImageTask& task, ImageMetric metric) {
  return std::find(task.metrics.begin(), task.metrics.end(), metric) !=
         task.metrics.end();
}

/// What is kept of one condition.
struct Kept {
  std::vector<torch::Tensor> pooled; ///< float32 [batch, d_pooled]
  std::vector<torch::Tensor> top;    ///< int64 [batch, 5]
};

/// What all batches together came to.
struct Collected {
  std::vector<torch::Tensor> pooled; ///< float32 [n, d_pooled], by condition
  std::vector<torch::Tensor> top;    ///< int64 [n, at most 5], by condition
  torch::Tensor labels;              ///< int64 [n]
};

/// Whether labels and classifier speak of the same classes.
void check_classes(const ImageTask& task, const VisionModel& model) {
  const auto n_classes =
      task.head ? task.head->n_classes : model.config().n_classes;
  if (n_classes == 0) {
    throw ConfigError(
        "images " + task.name,
        "the model has no classifier for the metric 'top'; give one with head, "
        "or ask for knn or probe");
  }
  const auto n_labels =
      static_cast<std::int64_t>(task.source.set.classes().size());
  if (n_labels != n_classes) {
    throw ConfigError(
        "images " + task.name,
        c10::str(
            "the images have ",
            n_labels,
            " classes, the classifier ",
            n_classes,
            "; name the classifier's in its order with class_names"));
  }
}

/// Where a task goes wrong, before any image is read.
void check_task(
    const ImageTask& task,
    const std::vector<Condition>& conditions,
    const VisionModel& model) {
  if (conditions.empty() || task.metrics.empty()) {
    throw ConfigError(
        "images " + task.name, "give at least one condition and one metric");
  }
  const bool needs_labels = wants(task, ImageMetric::kTop) ||
                            wants(task, ImageMetric::kKnn) ||
                            wants(task, ImageMetric::kProbe);
  if (needs_labels && task.source.set.classes().empty()) {
    throw ConfigError(
        "images " + task.name,
        "the images have no classes; knn, probe and top need folders of "
        "classes or class_names");
  }
  if (wants(task, ImageMetric::kTop)) {
    check_classes(task, model);
  } else if (task.head) {
    throw ConfigError(
        "images " + task.name,
        "a head is given, but the metric 'top', which alone reads it, is not "
        "asked for");
  }
}

std::size_t find_original(
    const std::vector<Condition>& conditions, const std::string& task) {
  const auto found = std::find_if(
      conditions.begin(), conditions.end(), [](const Condition& condition) {
        return condition.edits.empty();
      });
  if (found == conditions.end()) {
    throw ConfigError(
        "images " + task,
        "cosine, nearest and probe compare with the unedited model; add the "
        "condition original");
  }
  return static_cast<std::size_t>(found - conditions.begin());
}

/// Not-a-number has no neighbours and no class.
void require_finite(
    const torch::Tensor& pooled,
    const Condition& condition,
    const std::string& task) {
  if (!at::isfinite(pooled).all().item<bool>()) {
    throw ConfigError(
        "images " + task,
        c10::str(
            "the pooled vector of an image is not finite under the condition '",
            condition.name,
            "'; try another dtype, or a milder edit"));
  }
}

Collected collect(
    SharedPassRunner& runner,
    const VisionModel& model,
    const ImageTask& task,
    const ProgressFn& progress,
    ImageReport& report) {
  std::vector<Kept> kept(runner.conditions().size());
  std::vector<torch::Tensor> labels;
  report = for_each_batch(
      task.source,
      task.name,
      progress,
      [&](const TokenBatch& batch, const torch::Tensor& batch_labels) {
        labels.push_back(batch_labels);
        const TokenBatch moved = batch.to(model.device());
        runner.run(moved, [&](std::size_t index, const torch::Tensor& stream) {
          const VisionOutput output = model.read_out(stream, moved);
          kept[index].pooled.push_back(
              output.pooled.to(torch::kCPU, torch::kFloat32));
          require_finite(
              kept[index].pooled.back(), runner.conditions()[index], task.name);
          if (wants(task, ImageMetric::kTop)) {
            const auto logits =
                task.head ? task.head->logits(output) : output.logits;
            const auto n_top = std::min(kTop, logits.size(1));
            kept[index].top.push_back(
                std::get<1>(logits.topk(n_top, /*dim=*/1)).to(torch::kCPU));
          }
        });
      });
  Collected all;
  all.labels = at::cat(labels);
  for (const Kept& each : kept) {
    all.pooled.push_back(at::cat(each.pooled));
    all.top.push_back(each.top.empty() ? torch::Tensor() : at::cat(each.top));
  }
  return all;
}

/// Adds the scores of one condition.
class Scorer {
 public:
  Scorer(const ImageTask& task, const Collected& all, std::size_t original)
      : task_(task), all_(all), original_(original) {}

  void add(
      std::size_t index,
      const std::string& condition,
      std::vector<ImageScore>& scores) const {
    const torch::Tensor& pooled = all_.pooled[index];
    const auto put = [&](const char* metric, const char* unit, Estimate value) {
      scores.push_back({condition, metric, unit, value});
    };
    const auto nan = std::numeric_limits<double>::quiet_NaN();
    if (wants(task_, ImageMetric::kCosine)) {
      const auto cosines = row_cosines(pooled, all_.pooled[original_]);
      put("cosine", "", {cosines.mean().item<double>(), nan});
      put("lowest cosine", "", {cosines.min().item<double>(), nan});
    }
    if (wants(task_, ImageMetric::kNearest)) {
      const auto kept =
          nearest_rows(pooled) == nearest_rows(all_.pooled[original_]);
      put("nearest kept", "%", percentage(kept));
    }
    if (wants(task_, ImageMetric::kKnn)) {
      put("k-NN accuracy",
          "%",
          percentage(knn_classes(pooled, all_.labels, task_.k) == all_.labels));
    }
    if (wants(task_, ImageMetric::kProbe)) {
      put("probe accuracy",
          "%",
          percentage(
              probe_classes(
                  all_.pooled[original_], pooled, all_.labels, task_.probe) ==
              all_.labels));
    }
    if (wants(task_, ImageMetric::kTop)) {
      const auto hits = all_.top[index] == all_.labels.unsqueeze(1);
      put("top-1", "%", percentage(hits.select(/*dim=*/1, 0)));
      put("top-5", "%", percentage(hits.any(/*dim=*/1)));
    }
  }

 private:
  const ImageTask& task_;
  const Collected& all_;
  std::size_t original_;
};

} // namespace

ImageMetric parse_image_metric(
    const std::string& name, std::string_view where) {
  std::vector<std::string> known;
  for (const auto& [known_name, metric] : kMetrics) {
    if (known_name == name) {
      return metric;
    }
    known.push_back(known_name);
  }
  throw UnknownNameError(where, "metric", name, known);
}

ImageTaskResult evaluate_images(
    const VisionModel& model,
    const std::vector<Condition>& conditions,
    const ImageTask& task,
    const ProgressFn& progress) {
  check_task(task, conditions, model);
  const bool compares = wants(task, ImageMetric::kCosine) ||
                        wants(task, ImageMetric::kNearest) ||
                        wants(task, ImageMetric::kProbe);
  const auto original = compares ? find_original(conditions, task.name) : 0;
  SharedPassRunner runner(model, conditions);
  ImageTaskResult result{.task = task.name};
  const Collected all = collect(runner, model, task, progress, result.images);
  result.edited = runner.edited();
  const Scorer scorer(task, all, original);
  for (std::size_t i = 0; i < conditions.size(); ++i) {
    require_effect(conditions[i], result.edited[i]);
    scorer.add(i, conditions[i].name, result.scores);
  }
  return result;
}

Table image_table(
    const std::vector<Condition>& conditions,
    const std::vector<ImageTaskResult>& results) {
  std::vector<Column> columns = {{.name = "condition"}};
  std::vector<std::vector<Cell>> rows;
  rows.reserve(conditions.size());
  for (const Condition& condition : conditions) {
    rows.push_back({condition.name});
  }
  for (const ImageTaskResult& result : results) {
    const auto per_row = result.scores.size() / conditions.size();
    for (std::size_t i = 0; i < result.scores.size(); ++i) {
      const ImageScore& score = result.scores[i];
      const bool is_share = score.unit == "%";
      if (i < per_row) {
        columns.push_back(
            {.name = result.task + " " + score.metric,
             .unit = score.unit,
             .style = NumberStyle::kDecimals,
             .digits = is_share ? 1 : 5});
      }
      rows[i / per_row].push_back(
          is_share ? Cell(score.value) : Cell(score.value.value));
    }
  }
  Table table(std::move(columns));
  for (auto& row : rows) {
    table.add_row(std::move(row));
  }
  return table;
}

nlohmann::json to_json(const ImageTaskResult& result) {
  auto scores = nlohmann::json::array();
  for (const ImageScore& score : result.scores) {
    scores.push_back(
        {{"condition", score.condition},
         {"metric", score.metric},
         {"unit", score.unit},
         {"value", json_number(score.value.value)},
         {"std_error", json_number(score.value.std_error)}});
  }
  return {
      {"task", result.task},
      {"n_images", result.images.n_read},
      {"left_out", result.images.problems},
      {"scores", std::move(scores)},
      {"edited", result.edited}};
}

ImageTaskResult image_task_result_from_json(const nlohmann::json& json) {
  ImageTaskResult result{.task = json.at("task")};
  result.images.n_read = json.at("n_images");
  result.images.problems = json.at("left_out");
  for (const auto& score : json.at("scores")) {
    result.scores.push_back(
        {score.at("condition"),
         score.at("metric"),
         score.at("unit"),
         {number_from_json(score.at("value")),
          number_from_json(score.at("std_error"))}});
  }
  result.edited = json.at("edited");
  return result;
}

} // namespace ma
