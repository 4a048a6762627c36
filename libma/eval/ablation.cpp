// Runs conditions on tasks, keeps account of finished results, and refuses
// edits without effect.
#include "libma/eval/ablation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

using AnyScore = std::variant<WindowScore, GroupScore>;

/// Scores of one task: by condition, then by window or document.
using TaskScores = std::vector<std::map<std::int64_t, AnyScore>>;

const std::string& name_of(const Condition& condition) {
  return condition.name;
}

const std::string& name_of(const AblationTask& task) {
  return std::visit(
      [](const auto& any) -> const std::string& { return any.name; }, task);
}

/// Index of the element of `list` that is called `name`.
template <class T>
std::size_t find_named(
    const std::vector<T>& list, const std::string& name, const char* kind) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (name_of(list[i]) == name) {
      return i;
    }
  }
  std::vector<std::string> known;
  known.reserve(list.size());
  for (const T& element : list) {
    known.push_back(name_of(element));
  }
  throw UnknownNameError("finished results", kind, name, known);
}

void check_tasks(const std::vector<AblationTask>& tasks) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const std::string& name = name_of(tasks[i]);
    if (find_named(tasks, name, "task") != i) {
      throw ConfigError(
          "tasks", c10::str("two are named '", name, "'; rename one"));
    }
  }
}

std::int64_t index_of(const WindowScore& score) {
  return score.window;
}

std::int64_t index_of(const GroupScore& score) {
  return score.group;
}

std::size_t n_parts(const PerplexityTask& task) {
  return task.windows.windows.size();
}

std::size_t n_parts(const ZeroShotTask& task) {
  return task.groups.size();
}

/// Whether `score` can be that of part `index` of `task`.
bool is_score_of(
    const PerplexityTask& task, std::size_t index, const WindowScore& score) {
  return score.n_tokens == task.windows.windows[index].n_targets() &&
         score.divergence.has_value() == task.divergence;
}

bool is_score_of(
    const ZeroShotTask& task, std::size_t index, const GroupScore& score) {
  return score.scores.size() == task.groups[index].size();
}

template <class T, class S>
bool is_score_of(const T&, std::size_t, const S&) {
  return false; // a text has no documents, a task no windows
}

/// Sorts the results of an earlier run by task, condition and part.
std::vector<TaskScores> sort_finished(
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    const std::vector<AblationScore>& finished) {
  std::vector<TaskScores> scores(tasks.size(), TaskScores(conditions.size()));
  for (const AblationScore& entry : finished) {
    const auto task = find_named(tasks, entry.task, "task");
    const auto condition = find_named(conditions, entry.condition, "condition");
    std::visit(
        [&](const auto& wanted, const auto& score) {
          const auto index = index_of(score);
          const bool is_ours =
              index >= 0 && static_cast<std::size_t>(index) < n_parts(wanted) &&
              is_score_of(wanted, static_cast<std::size_t>(index), score) &&
              score.edited.size() == conditions[condition].edits.size();
          if (!is_ours) {
            throw ConfigError(
                "finished results",
                c10::str(
                    "result ",
                    index,
                    " of task '",
                    entry.task,
                    "' is from another run; start anew"));
          }
          scores[task][condition].insert_or_assign(index, score);
        },
        tasks[task],
        entry.score);
  }
  return scores;
}

/// An edit that wrote nothing makes its row a copy of another one.
void require_effects(
    const std::vector<Condition>& conditions,
    const std::vector<TaskScores>& scores) {
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    std::vector<std::int64_t> edited(conditions[c].edits.size());
    for (const TaskScores& task : scores) {
      for (const auto& entry : task[c]) {
        const auto& added = std::visit(
            [](const auto& score) -> const auto& { return score.edited; },
            entry.second);
        for (std::size_t e = 0; e < edited.size(); ++e) {
          edited[e] += added[e];
        }
      }
    }
    require_effect(conditions[c], edited);
  }
}

/// What a run knows about the task at hand.
struct TaskRun {
  ConditionRunner& runner;
  const AblationOptions& options;
  TaskScores& scores;
  ProgressCounter progress;

  bool is_finished(std::size_t condition, std::int64_t index) const {
    return scores[condition].contains(index);
  }
  void add(
      const std::string& task, std::size_t condition, const AnyScore& score) {
    std::visit(
        [&](const auto& any) { scores[condition].emplace(index_of(any), any); },
        score);
    if (options.on_score) {
      options.on_score({task, runner.conditions()[condition].name, score});
    }
    progress.add(1);
  }
};

void run_parts(TaskRun& run, const PerplexityTask& task) {
  score_windows(
      run.runner,
      task.windows,
      {.tokens_per_pass = run.options.tokens_per_pass,
       .divergence = task.divergence,
       .is_finished =
           [&](std::size_t condition, std::int64_t window) {
             return run.is_finished(condition, window);
           },
       .on_window =
           [&](std::size_t condition, const WindowScore& score) {
             run.add(task.name, condition, score);
           }});
}

void run_parts(TaskRun& run, const ZeroShotTask& task) {
  score_requests(
      run.runner,
      task.groups,
      {.tokens_per_pass = run.options.tokens_per_pass,
       .is_finished =
           [&](std::size_t condition, std::int64_t document) {
             return run.is_finished(condition, document);
           },
       .on_group =
           [&](std::size_t condition, const GroupScore& score) {
             run.add(task.name, condition, score);
           }});
}

void run_task(
    ConditionRunner& runner,
    const AblationTask& task,
    const AblationOptions& options,
    TaskScores& scores) {
  std::size_t n_finished = 0;
  for (const auto& by_index : scores) {
    n_finished += by_index.size();
  }
  const bool is_text = std::holds_alternative<PerplexityTask>(task);
  const auto parts =
      std::visit([](const auto& any) { return n_parts(any); }, task);
  TaskRun run{
      runner,
      options,
      scores,
      ProgressCounter(
          options.progress,
          {.stage = (is_text ? "perplexity " : "zero-shot ") + name_of(task),
           .done = static_cast<std::int64_t>(n_finished),
           .total = static_cast<std::int64_t>(parts * scores.size()),
           .unit = is_text ? "windows" : "documents"})};
  std::visit([&](const auto& any) { run_parts(run, any); }, task);
}

/// The scores of one task under one condition, as one result.
TaskResult summarize_scores(
    const AblationTask& task, const std::map<std::int64_t, AnyScore>& scores) {
  if (const auto* text = std::get_if<PerplexityTask>(&task)) {
    std::vector<WindowScore> list;
    list.reserve(scores.size());
    for (const auto& entry : scores) {
      list.push_back(std::get<WindowScore>(entry.second));
    }
    return summarize(text->windows, std::move(list));
  }
  std::vector<GroupScore> list;
  list.reserve(scores.size());
  for (const auto& entry : scores) {
    list.push_back(std::get<GroupScore>(entry.second));
  }
  return summarize(std::get<ZeroShotTask>(task), std::move(list));
}

} // namespace

AblationResult evaluate_conditions(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    const AblationOptions& options) {
  check_tasks(tasks);
  ConditionRunner runner(model, conditions);
  auto scores = sort_finished(conditions, tasks, options.finished);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    run_task(runner, tasks[t], options, scores[t]);
  }
  require_effects(conditions, scores);

  AblationResult result;
  for (const AblationTask& task : tasks) {
    result.tasks.push_back(name_of(task));
  }
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    result.conditions.push_back(conditions[c].name);
    auto& row = result.results.emplace_back();
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      row.push_back(summarize_scores(tasks[t], scores[t][c]));
    }
  }
  return result;
}

PerplexityResult divergence(
    const Model& model,
    const WindowSet& windows,
    const std::vector<Intervention>& edits,
    const AblationOptions& options) {
  const PerplexityTask task{
      .name = "text", .windows = windows, .divergence = true};
  const auto result =
      evaluate_conditions(model, {{"edited", edits}}, {task}, options);
  return std::get<PerplexityResult>(result.results.front().front());
}

Table run_ablation(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<AblationTask>& tasks,
    const AblationOptions& options) {
  return evaluate_conditions(model, conditions, tasks, options).table();
}

} // namespace ma
