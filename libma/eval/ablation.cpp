// Runs conditions on tasks, keeps account of finished results, and refuses
// edits without effect.
#include "libma/eval/ablation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

/// Scores of one task: by condition, then by window.
using TaskScores = std::vector<std::map<std::int64_t, WindowScore>>;

/// Index of the element of `list` that is called `name`.
template <class T>
std::size_t find_named(
    const std::vector<T>& list, const std::string& name, const char* kind) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].name == name) {
      return i;
    }
  }
  std::vector<std::string> known;
  for (const T& element : list) {
    known.push_back(element.name);
  }
  throw UnknownNameError("finished results", kind, name, known);
}

void check_tasks(const std::vector<PerplexityTask>& tasks) {
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (find_named(tasks, tasks[i].name, "task") != i) {
      throw ConfigError(
          "tasks", c10::str("two are named '", tasks[i].name, "'; rename one"));
    }
  }
}

/// Sorts the results of an earlier run by task, condition and window.
std::vector<TaskScores> sort_finished(
    const std::vector<Condition>& conditions,
    const std::vector<PerplexityTask>& tasks,
    const std::vector<AblationScore>& finished) {
  std::vector<TaskScores> scores(tasks.size(), TaskScores(conditions.size()));
  for (const AblationScore& entry : finished) {
    const auto task = find_named(tasks, entry.task, "task");
    const auto condition = find_named(conditions, entry.condition, "condition");
    const auto& windows = tasks[task].windows.windows;
    const auto index = static_cast<std::size_t>(entry.score.window);
    const bool is_ours =
        entry.score.window >= 0 && index < windows.size() &&
        entry.score.n_tokens == windows[index].n_targets() &&
        entry.score.edited.size() == conditions[condition].edits.size();
    if (!is_ours) {
      throw ConfigError(
          "finished results",
          c10::str(
              "window ",
              entry.score.window,
              " of task '",
              entry.task,
              "' is from another run; start anew"));
    }
    scores[task][condition].insert_or_assign(entry.score.window, entry.score);
  }
  return scores;
}

/// An edit that wrote nothing makes its row a copy of another one.
void require_effects(
    const std::vector<Condition>& conditions,
    const std::vector<TaskScores>& scores) {
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    for (std::size_t e = 0; e < conditions[c].edits.size(); ++e) {
      std::int64_t edited = 0;
      for (const TaskScores& task : scores) {
        for (const auto& entry : task[c]) {
          edited += entry.second.edited[e];
        }
      }
      if (edited == 0) {
        const Intervention& edit = conditions[c].edits[e];
        throw ConfigError(
            c10::str("condition '", conditions[c].name, "'"),
            c10::str(
                "its edit '",
                edit.kind(),
                "' at ",
                edit.site(),
                " wrote no entry in any window; check what it selects (",
                describe(edit.options().select),
                ")"));
      }
    }
  }
}

void run_task(
    ConditionRunner& runner,
    const PerplexityTask& task,
    const AblationOptions& options,
    TaskScores& scores) {
  std::size_t n_finished = 0;
  for (const auto& by_window : scores) {
    n_finished += by_window.size();
  }
  ProgressCounter progress(
      options.progress,
      {.stage = "perplexity " + task.name,
       .done = static_cast<std::int64_t>(n_finished),
       .total = static_cast<std::int64_t>(
           task.windows.windows.size() * scores.size()),
       .unit = "windows"});
  score_windows(
      runner,
      task.windows,
      {.tokens_per_pass = options.tokens_per_pass,
       .is_finished =
           [&](std::size_t condition, std::int64_t window) {
             return scores[condition].contains(window);
           },
       .on_window =
           [&](std::size_t condition, const WindowScore& score) {
             scores[condition].emplace(score.window, score);
             if (options.on_score) {
               options.on_score(
                   {task.name, runner.conditions()[condition].name, score});
             }
             progress.add(1);
           }});
}

PerplexityResult summarize_map(
    const WindowSet& windows,
    const std::map<std::int64_t, WindowScore>& scores) {
  std::vector<WindowScore> list;
  list.reserve(scores.size());
  for (const auto& entry : scores) {
    list.push_back(entry.second);
  }
  return summarize(windows, std::move(list));
}

} // namespace

AblationResult evaluate_conditions(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<PerplexityTask>& tasks,
    const AblationOptions& options) {
  check_tasks(tasks);
  ConditionRunner runner(model, conditions);
  auto scores = sort_finished(conditions, tasks, options.finished);
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    run_task(runner, tasks[t], options, scores[t]);
  }
  require_effects(conditions, scores);

  AblationResult result;
  for (const PerplexityTask& task : tasks) {
    result.tasks.push_back(task.name);
  }
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    result.conditions.push_back(conditions[c].name);
    auto& row = result.results.emplace_back();
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      row.push_back(summarize_map(tasks[t].windows, scores[t][c]));
    }
  }
  return result;
}

namespace {

/// Per word where the protocol counts words, as its users quote it.
std::string shown_unit(
    const std::vector<std::vector<PerplexityResult>>& results,
    std::size_t task) {
  const bool is_per_word =
      !results.empty() && results.front()[task].word_perplexity.has_value();
  return is_per_word ? "word perplexity" : "perplexity";
}

} // namespace

Table AblationResult::table() const {
  std::vector<bool> has_nonfinite(tasks.size(), false);
  for (const auto& row : results) {
    for (std::size_t t = 0; t < row.size(); ++t) {
      has_nonfinite[t] = has_nonfinite[t] || row[t].n_nonfinite > 0;
    }
  }
  std::vector<Column> columns = {{.name = "condition"}};
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    columns.push_back({.name = tasks[t], .unit = shown_unit(results, t)});
    if (has_nonfinite[t]) {
      columns.push_back(
          {.name = tasks[t] + " non-finite",
           .unit = "tokens",
           .style = NumberStyle::kDecimals,
           .digits = 0});
    }
  }
  Table table(std::move(columns));
  for (std::size_t c = 0; c < conditions.size(); ++c) {
    std::vector<Cell> cells = {conditions[c]};
    for (std::size_t t = 0; t < tasks.size(); ++t) {
      const PerplexityResult& result = results[c][t];
      cells.emplace_back(result.word_perplexity.value_or(result.perplexity));
      if (has_nonfinite[t]) {
        cells.emplace_back(results[c][t].n_nonfinite);
      }
    }
    table.add_row(std::move(cells));
  }
  return table;
}

Table run_ablation(
    const Model& model,
    const std::vector<Condition>& conditions,
    const std::vector<PerplexityTask>& tasks,
    const AblationOptions& options) {
  return evaluate_conditions(model, conditions, tasks, options).table();
}

} // namespace ma
