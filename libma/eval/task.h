// Tasks as data: what a benchmark asks, read from a small file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "libma/eval/request_score.h"

namespace ma {

class TaskKind;

/// One document of a task.
struct TaskDocument {
  std::int64_t index = 0;           ///< row in the data file, from 0
  std::vector<Request> requests;    ///< one per choice, in order
  std::vector<std::string> choices; ///< as asked, without the delimiter; empty
                                    ///< for tasks without choices
  std::int64_t gold = 0;            ///< index of the right choice
};

/// What the scores of a document's requests amount to.
struct DocumentScore {
  /// The choice with the highest log-likelihood, the first of equals; -1
  /// without choices.
  std::int64_t chosen = -1;
  bool is_tie = false;                       ///< another choice has the same
  std::map<std::string, double> values = {}; ///< by metric: "acc" -> 1
};

/// A figure over all documents of a task.
struct TaskMetric {
  std::string name;     ///< "acc"
  std::string unit;     ///< "share", "perplexity"
  double value = 0;     ///< "acc": share of the documents in [0, 1]
  double std_error = 0; ///< in the same unit; NaN for fewer than two documents
};

struct TaskOptions {
  std::int64_t limit = 0; ///< only the first documents; 0: all
  /// Cache of fetched data sets; also `<home>/tasks/<name>.yaml` is found by
  /// name.
  std::filesystem::path home = {};
};

/// A task with its documents.
struct Task {
  std::string name; ///< of the file, without `.yaml`
  std::string description;
  std::string kind; ///< of scorer: "multiple_choice"
  std::int64_t version = 0;
  std::filesystem::path data;       ///< the JSONL file
  std::vector<std::string> metrics; ///< "acc" and others, as they are shown
  std::vector<TaskDocument> documents;
  /// Expected accuracy of guessing, share of the documents; nothing without
  /// choices.
  std::optional<double> chance;
  const TaskKind* scorer = nullptr; ///< of builtin.def
};

/// Names of the tasks that libma brings along (`configs/tasks`).
std::vector<std::string> builtin_task_names();

/// The task that a file describes, or a built-in one by name; else
/// `<home>/tasks/<name>.yaml`. docs/adding_a_task.md says what a file holds.
///
/// Throws UnknownNameError when there is none, ConfigError where the file is
/// wrong, FileError where the data set is missing or one of its rows is wrong.
Task load_task(
    const std::string& name_or_path, const TaskOptions& options = {});

/// The score of `document`. `scores` are those of its requests, in order.
DocumentScore score_document(
    const Task& task,
    const TaskDocument& document,
    const std::vector<RequestScore>& scores);

/// The task's metrics over `scores`, one per document. Standard errors are
/// those of a mean: sample standard deviation / sqrt(n); a perplexity's is by
/// the delta method, perplexity times the standard error of the mean.
std::vector<TaskMetric> summarize_task(
    const Task& task, const std::vector<DocumentScore>& scores);

} // namespace ma
