// The tables of an ablation.
#include <cmath>
#include <limits>

#include "libma/eval/ablation.h"

namespace ma {
namespace {

constexpr const char* kAccuracy = "acc";
constexpr double kPercent = 100;

Estimate percent(double share, double std_error) {
  return {share * kPercent, std_error * kPercent};
}

/// Adds the columns of one text or task, and the cells of its rows.
class TableBuilder {
 public:
  explicit TableBuilder(const AblationResult& result)
      : result_(result), cells_(result.conditions.size()) {
    columns_.push_back({.name = "condition"});
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      cells_[c].emplace_back(result.conditions[c]);
    }
    for (std::size_t t = 0; t < result.tasks.size(); ++t) {
      if (result.results.empty()) {
        columns_.push_back({.name = result.tasks[t]});
      } else if (
          std::holds_alternative<PerplexityResult>(result.results.front()[t])) {
        add_perplexity(t);
      } else {
        add_accuracy(t);
      }
    }
    if (n_tasks_ > 1) {
      add_mean();
    }
  }

  Table finish() {
    Table table(columns_);
    for (auto& row : cells_) {
      table.add_row(std::move(row));
    }
    if (n_chances_ > 0) {
      chance_.resize(columns_.size());
      chance_.front() = std::string("chance");
      table.add_row(std::move(chance_));
    }
    return table;
  }

 private:
  template <class T>
  const T& at(std::size_t condition, std::size_t task) const {
    return std::get<T>(result_.results[condition][task]);
  }

  /// Per word where the protocol counts words, as its users quote it.
  void add_perplexity(std::size_t task) {
    const bool is_per_word =
        at<PerplexityResult>(0, task).word_perplexity.has_value();
    columns_.push_back(
        {.name = result_.tasks[task],
         .unit = is_per_word ? "word perplexity" : "perplexity"});
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const auto& result = at<PerplexityResult>(c, task);
      cells_[c].emplace_back(
          result.word_perplexity.value_or(result.perplexity));
    }
    add_divergence(task);
    add_nonfinite<PerplexityResult>(task, "tokens");
  }

  void add_divergence(std::size_t task) {
    if (!at<PerplexityResult>(0, task).kl_nats) {
      return;
    }
    const std::string& name = result_.tasks[task];
    columns_.push_back({.name = name + " KL", .unit = "nats"});
    columns_.push_back(
        {.name = name + " agreement",
         .unit = "%",
         .style = NumberStyle::kDecimals,
         .digits = 2});
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const auto& result = at<PerplexityResult>(c, task);
      TORCH_INTERNAL_ASSERT(result.kl_nats && result.agreement);
      cells_[c].emplace_back(*result.kl_nats);
      cells_[c].emplace_back(kPercent * *result.agreement);
    }
  }

  /// Counts what is infinite or NaN, where anything is.
  template <class T>
  void add_nonfinite(std::size_t task, const char* unit) {
    bool has_any = false;
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      has_any = has_any || at<T>(c, task).n_nonfinite > 0;
    }
    if (!has_any) {
      return;
    }
    columns_.push_back(
        {.name = result_.tasks[task] + " non-finite",
         .unit = unit,
         .style = NumberStyle::kDecimals,
         .digits = 0});
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      cells_[c].emplace_back(at<T>(c, task).n_nonfinite);
    }
  }

  void add_column(const std::string& name) {
    columns_.push_back(
        {.name = name,
         .unit = "acc %",
         .style = NumberStyle::kDecimals,
         .digits = 2});
    chance_.resize(columns_.size());
  }

  void add_accuracy(std::size_t task) {
    add_column(result_.tasks[task]);
    ++n_tasks_;
    sums_.resize(cells_.size());
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      const auto& metric = at<ZeroShotResult>(c, task).metric(kAccuracy);
      cells_[c].emplace_back(percent(metric.value, metric.std_error));
      sums_[c].value += metric.value;
      sums_[c].std_error += metric.std_error * metric.std_error;
    }
    if (const auto chance = at<ZeroShotResult>(0, task).chance) {
      chance_sum_ += *chance;
      ++n_chances_;
      chance_.back() = *chance * kPercent;
    }
    add_nonfinite<ZeroShotResult>(task, "requests");
  }

  /// The plain mean over tasks; its standard error takes them as independent.
  void add_mean() {
    add_column("mean");
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      cells_[c].emplace_back(percent(
          sums_[c].value / n_tasks_, std::sqrt(sums_[c].std_error) / n_tasks_));
    }
    if (n_chances_ == n_tasks_) {
      chance_.back() = chance_sum_ / n_tasks_ * kPercent;
    }
  }

  const AblationResult& result_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> cells_;
  std::vector<Cell> chance_;
  std::vector<Estimate> sums_; ///< of accuracies, and of squared errors
  double chance_sum_ = 0;
  int n_chances_ = 0; ///< tasks that can be guessed
  int n_tasks_ = 0;
};

} // namespace

Table AblationResult::table() const {
  return TableBuilder(*this).finish();
}

Table AblationResult::metrics_table() const {
  Table table(
      {{.name = "condition"},
       {.name = "task"},
       {.name = "metric"},
       {.name = "value"},
       {.name = "chance"},
       {.name = "documents", .style = NumberStyle::kDecimals, .digits = 0}});
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    for (std::size_t c = 0; c < conditions.size(); ++c) {
      const auto* result = std::get_if<ZeroShotResult>(&results[c][t]);
      for (const TaskMetric& metric :
           result ? result->metrics : std::vector<TaskMetric>()) {
        const bool can_guess = result->chance && metric.name == kAccuracy;
        table.add_row(
            {conditions[c],
             tasks[t],
             metric.name,
             Estimate{metric.value, metric.std_error},
             can_guess ? Cell(*result->chance) : Cell(),
             static_cast<std::int64_t>(result->documents.size())});
      }
    }
  }
  return table;
}

} // namespace ma
