// What kinds of task have in common.
#include "libma/eval/task_kind.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/eval/whitespace.h"

namespace ma {

#define LIBMA_BUILTIN(name) std::shared_ptr<const TaskKind> make_##name();
#include "libma/eval/builtin.def"
#undef LIBMA_BUILTIN

const TaskKindRegistry& task_kind_registry() {
  static const TaskKindRegistry registry = [] {
    TaskKindRegistry kinds("kind of task");
#define LIBMA_BUILTIN(name) kinds.add(#name, make_##name());
#include "libma/eval/builtin.def"
#undef LIBMA_BUILTIN
    return kinds;
  }();
  return registry;
}

PromptTemplate read_template(const Yaml& task, std::string_view key) {
  const Yaml yaml = task[key];
  return PromptTemplate(
      yaml.as<std::string>(), yaml.place() + ": " + yaml.path());
}

TemplateList::TemplateList(const Yaml& task, std::string_view key) {
  const Yaml yaml = task[key];
  if (!yaml.is_list()) {
    templates_.push_back(read_template(task, key));
    is_field_ = true;
    if (!templates_.front().is_field()) {
      throw yaml.error(
          "expected a list, or one field in braces that is a list, got '" +
          yaml.as<std::string>() + "'");
    }
    return;
  }
  for (const Yaml& item : yaml.items()) {
    templates_.emplace_back(
        item.as<std::string>(), item.place() + ": " + item.path());
  }
}

std::vector<std::string> TemplateList::render(
    const nlohmann::json& row, const std::string& where) const {
  if (is_field_) {
    return templates_.front().render_list(row, where);
  }
  std::vector<std::string> texts;
  texts.reserve(templates_.size());
  for (const PromptTemplate& part : templates_) {
    texts.push_back(part.render(row, where));
  }
  return texts;
}

namespace {

PromptTemplate read_gold(const Yaml& task) {
  const Yaml yaml = task["gold"];
  if (yaml.is_map()) {
    return read_template(yaml, "text");
  }
  const std::string text = yaml.holds<std::int64_t>()
                               ? std::to_string(yaml.as<std::int64_t>())
                               : yaml.as<std::string>();
  return PromptTemplate(text, yaml.place() + ": " + yaml.path());
}

} // namespace

GoldRule::GoldRule(const Yaml& task) : text_(read_gold(task)) {
  const Yaml yaml = task["gold"];
  if (yaml.is_map()) {
    among_ = yaml.get<std::vector<std::string>>("among");
    if (among_.empty()) {
      throw yaml["among"].error("is empty; list the gold text of each choice");
    }
  }
}

std::int64_t GoldRule::find(
    const nlohmann::json& row,
    std::int64_t n_choices,
    const std::string& where) const {
  const std::string text = text_.render(row, where);
  std::int64_t gold = -1;
  if (among_.empty()) {
    const auto* end = text.data() + text.size();
    if (text.empty() || std::from_chars(text.data(), end, gold).ptr != end) {
      throw FileError(
          where, "gold: expected the index of a choice, got '" + text + "'");
    }
  } else {
    for (std::size_t i = 0; i < among_.size() && gold < 0; ++i) {
      gold = among_[i] == text ? static_cast<std::int64_t>(i) : -1;
    }
    if (gold < 0) {
      throw FileError(
          where, "gold: '" + text + "' is none of " + join(among_, ", "));
    }
  }
  if (gold < 0 || gold >= n_choices) {
    throw FileError(
        where,
        c10::str(
            "gold: ",
            gold,
            " is out of range; there are choices 0 to ",
            n_choices - 1));
  }
  return gold;
}

std::int64_t first_maximum(const std::vector<double>& values) {
  std::int64_t best = 0;
  double highest = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] > highest) {
      highest = values[i];
      best = static_cast<std::int64_t>(i);
    }
  }
  return best;
}

DocumentScore score_choices(
    const TaskDocument& document, const std::vector<RequestScore>& scores) {
  std::vector<double> values;
  values.reserve(scores.size());
  for (const RequestScore& score : scores) {
    values.push_back(score.log_likelihood_nats);
  }
  DocumentScore result{.chosen = first_maximum(values)};
  const double highest = values[static_cast<std::size_t>(result.chosen)];
  result.is_tie = std::count(values.begin(), values.end(), highest) > 1;
  result.values["acc"] = result.chosen == document.gold ? 1 : 0;
  return result;
}

void check_choices(
    const std::vector<std::string>& choices, const std::string& where) {
  if (choices.size() < 2) {
    throw FileError(
        where, c10::str("has ", choices.size(), " choices; give at least two"));
  }
  for (std::size_t i = 0; i < choices.size(); ++i) {
    if (strip(choices[i]).empty()) {
      throw FileError(
          where, c10::str("choice ", i, " is empty; give it some text"));
    }
  }
}

} // namespace ma
