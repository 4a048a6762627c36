// Task files and their data sets; metrics over documents.
#include "libma/eval/task.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/yaml.h"
#include "libma/eval/builtin_tasks.h"
#include "libma/eval/task_kind.h"
#include "libma/io/model_source.h"
#include "libma/io/text.h"

namespace ma {
namespace {

namespace fs = std::filesystem;

/// A task file: its keys, and where relative paths in it start.
struct TaskFile {
  std::string name;
  Yaml yaml;
  fs::path folder;
};

TaskFile open_task(const std::string& name_or_path, const fs::path& home) {
  const fs::path path = name_or_path;
  if (path.extension() == ".yaml" || path.extension() == ".yml") {
    return {path.stem().string(), Yaml::load(path), path.parent_path()};
  }
  for (const auto& [name, text] : builtin_tasks()) {
    if (name == name_or_path) {
      const std::string origin = "configs/tasks/" + name_or_path + ".yaml";
      return {name_or_path, Yaml::parse(text, origin), {}};
    }
  }
  const fs::path own = home / "tasks" / (name_or_path + ".yaml");
  if (!home.empty() && fs::exists(own)) {
    return {name_or_path, Yaml::load(own), own.parent_path()};
  }
  throw UnknownNameError("tasks", "task", name_or_path, builtin_task_names());
}

/// `data`: the name of a data set, or a JSONL file, relative to the task file.
fs::path find_data(const TaskFile& file, const fs::path& home) {
  const Yaml yaml = file.yaml["data"];
  const auto data = yaml.as<std::string>();
  if (fs::path(data).extension() != ".jsonl") {
    return find_dataset(data, home);
  }
  const auto path = file.folder / data;
  if (!fs::exists(path)) {
    throw FileError(
        yaml.place(),
        yaml.path() + ": there is no file " + path.string() +
            "; paths are relative to the task file");
  }
  return path;
}

std::vector<std::string> read_metrics(const Yaml& yaml, const TaskKind& kind) {
  std::vector<std::string> known;
  for (const MetricInfo& info : kind.metrics()) {
    known.push_back(info.name);
  }
  const auto names =
      yaml.get_or<std::vector<std::string>>("metrics", {known.front()});
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw UnknownNameError(yaml["metrics"].place(), "metric", name, known);
    }
    if (std::count(names.begin(), names.end(), name) > 1) {
      throw yaml["metrics"].error("names '" + name + "' more than once");
    }
  }
  if (std::find(names.begin(), names.end(), "acc") == names.end()) {
    throw yaml["metrics"].error("lacks acc, which tables show; add it");
  }
  return names;
}

/// `fields`: fields made from others, by a template or by a list of words.
class DerivedFields {
 public:
  explicit DerivedFields(const Yaml& task) {
    const Yaml yaml = task.section("fields");
    for (const std::string& name : yaml.keys()) {
      const Yaml field = yaml[name];
      Rule rule{
          .name = name,
          .text = field.is_map() ? read_template(field, "text")
                                 : read_template(yaml, name)};
      if (field.is_map()) {
        const Yaml words = field["words"];
        for (const std::string& word : words.keys()) {
          rule.words[word] = words.get<std::string>(word);
        }
      }
      rules_.push_back(std::move(rule));
    }
  }

  void add_to(nlohmann::json& row, const std::string& where) const {
    for (const Rule& rule : rules_) {
      std::string text = rule.text.render(row, where);
      if (!rule.words.empty()) {
        const auto found = rule.words.find(text);
        if (found == rule.words.end()) {
          throw FileError(
              where, "fields." + rule.name + " has no word for '" + text + "'");
        }
        text = found->second;
      }
      row[rule.name] = std::move(text);
    }
  }

 private:
  struct Rule {
    std::string name;
    PromptTemplate text;
    std::map<std::string, std::string> words = {};
  };
  std::vector<Rule> rules_;
};

void read_documents(
    Task& task,
    const DerivedFields& fields,
    const AskFn& ask,
    std::int64_t limit) {
  for_each_json_line(
      task.data, [&](const nlohmann::json& row, std::int64_t line) {
        const auto where = task.data.string() + ":" + std::to_string(line);
        if (!row.is_object()) {
          throw FileError(
              where, std::string("expected an object, got ") + row.type_name());
        }
        TaskDocument& document = task.documents.emplace_back();
        document.index = static_cast<std::int64_t>(task.documents.size()) - 1;
        nlohmann::json all = row;
        fields.add_to(all, where);
        ask(all, where, document);
        return limit == 0 ||
               static_cast<std::int64_t>(task.documents.size()) < limit;
      });
  if (task.documents.empty()) {
    throw FileError(task.data.string(), "has no document; give at least one");
  }
}

/// Mean over the documents of 1 / number of choices.
std::optional<double> chance_of(const std::vector<TaskDocument>& documents) {
  std::map<std::size_t, std::int64_t> n_documents; // by number of choices
  for (const TaskDocument& document : documents) {
    if (document.choices.empty()) {
      return std::nullopt;
    }
    ++n_documents[document.choices.size()];
  }
  double sum = 0;
  for (const auto& [n_choices, n] : n_documents) {
    sum += static_cast<double>(n) / static_cast<double>(n_choices);
  }
  return sum / static_cast<double>(documents.size());
}

struct Mean {
  double value = 0, std_error = 0;
};

Mean mean_of(
    const std::vector<DocumentScore>& scores, const std::string& metric) {
  const auto n = static_cast<double>(scores.size());
  double sum = 0;
  for (const DocumentScore& score : scores) {
    sum += score.values.at(metric);
  }
  const double mean = sum / n;
  double squares = 0;
  for (const DocumentScore& score : scores) {
    squares += std::pow(score.values.at(metric) - mean, 2);
  }
  return {mean, std::sqrt(squares / (n - 1) / n)}; // 0 / 0 for one document
}

} // namespace

std::vector<std::string> builtin_task_names() {
  std::vector<std::string> names;
  for (const auto& task : builtin_tasks()) {
    names.emplace_back(task.first);
  }
  return names;
}

Task load_task(const std::string& name_or_path, const TaskOptions& options) {
  if (options.limit < 0) {
    throw ConfigError(
        "limit",
        c10::str("expected 0 (all documents) or more, got ", options.limit));
  }
  const TaskFile file = open_task(name_or_path, options.home);
  const Yaml& yaml = file.yaml;
  Task task;
  task.name = file.name;
  task.description = yaml.get<std::string>("description");
  task.kind = yaml.get<std::string>("kind");
  task.scorer = task_kind_registry().get(task.kind, yaml["kind"].place()).get();
  task.version = yaml.get<std::int64_t>("version", at_least(0));
  task.metrics = read_metrics(yaml, *task.scorer);
  const AskFn ask = task.scorer->read_prompt(yaml);
  const DerivedFields fields(yaml);
  yaml["data"];
  yaml.reject_unknown();
  task.data = find_data(file, options.home);
  read_documents(task, fields, ask, options.limit);
  task.chance = chance_of(task.documents);
  return task;
}

DocumentScore score_document(
    const Task& task,
    const TaskDocument& document,
    const std::vector<RequestScore>& scores) {
  if (scores.size() != document.requests.size()) {
    throw ConfigError(
        task.name,
        c10::str(
            "document ",
            document.index,
            " has ",
            document.requests.size(),
            " requests, got ",
            scores.size(),
            " scores"));
  }
  return task.scorer->score(document, scores);
}

std::vector<TaskMetric> summarize_task(
    const Task& task, const std::vector<DocumentScore>& scores) {
  if (scores.empty()) {
    throw ConfigError(task.name, "no document has been scored");
  }
  const auto known = task.scorer->metrics();
  std::vector<TaskMetric> metrics;
  for (const std::string& name : task.metrics) {
    const MetricInfo& info =
        *std::find_if(known.begin(), known.end(), [&](const auto& metric) {
          return metric.name == name;
        });
    const Mean mean = mean_of(scores, info.name);
    const double perplexity = std::exp(-mean.value);
    metrics.push_back(
        info.is_perplexity
            ? TaskMetric{info.name, info.unit, perplexity, perplexity * mean.std_error}
            : TaskMetric{info.name, info.unit, mean.value, mean.std_error});
  }
  return metrics;
}

} // namespace ma
