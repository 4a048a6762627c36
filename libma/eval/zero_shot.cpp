// Tasks to requests, scores to results.
#include "libma/eval/zero_shot.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

/// One group per document; those of the same document stand together.
RequestGroup encode_document(
    const Model& model,
    const Task& task,
    const TaskDocument& document,
    BosProfile profile) {
  const auto where = c10::str(task.name, ", document ", document.index);
  RequestGroup group;
  for (const Request& request : document.requests) {
    group.push_back(encode_request(
        model.tokenizer(),
        request,
        profile,
        model.config().max_positions,
        where));
  }
  return group;
}

} // namespace

ZeroShotTask make_zero_shot_task(
    const Model& model, Task task, BosProfile profile, std::string name) {
  ZeroShotTask made{
      .name = name.empty() ? task.name : std::move(name),
      .task = std::move(task),
      .profile = profile};
  for (const TaskDocument& document : made.task.documents) {
    made.groups.push_back(encode_document(model, made.task, document, profile));
  }
  return made;
}

const TaskMetric& ZeroShotResult::metric(const std::string& name) const {
  std::vector<std::string> known;
  for (const TaskMetric& metric : metrics) {
    if (metric.name == name) {
      return metric;
    }
    known.push_back(metric.name);
  }
  throw UnknownNameError(task, "metric", name, known);
}

ZeroShotResult summarize(
    const ZeroShotTask& task, std::vector<GroupScore> scores) {
  std::sort(scores.begin(), scores.end(), [](const auto& a, const auto& b) {
    return a.group < b.group;
  });
  const auto& documents = task.task.documents;
  ZeroShotResult result{
      .task = task.task.name,
      .version = task.task.version,
      .bos = std::string(bos_profile_name(task.profile)),
      .metrics = {},
      .chance = task.task.chance,
      .documents = {}};
  std::vector<DocumentScore> document_scores;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (scores.size() != documents.size() ||
        scores[i].group != static_cast<std::int64_t>(i)) {
      throw ConfigError(
          task.name,
          c10::str(
              "expected one score for each of ",
              documents.size(),
              " documents, got ",
              scores.size()));
    }
    const auto score =
        score_document(task.task, documents[i], scores[i].scores);
    result.n_ties += score.is_tie ? 1 : 0;
    for (const RequestScore& request : scores[i].scores) {
      result.n_truncated += request.is_truncated ? 1 : 0;
      result.n_nonfinite += std::isfinite(request.log_likelihood_nats) ? 0 : 1;
    }
    document_scores.push_back(score);
    result.documents.push_back({std::move(scores[i].scores), score});
  }
  result.metrics = summarize_task(task.task, document_scores);
  return result;
}

std::vector<RequestScore> score_requests(
    const Model& model,
    const std::vector<Request>& requests,
    const std::vector<Intervention>& edits,
    BosProfile profile,
    const ZeroShotOptions& options) {
  const auto limit = window_limit(model, options.max_length);
  std::vector<RequestGroup> groups;
  groups.reserve(requests.size());
  for (std::size_t i = 0; i < requests.size(); ++i) {
    groups.push_back({encode_request(
        model.tokenizer(),
        requests[i],
        profile,
        limit,
        c10::str("request ", i))});
  }
  ConditionRunner runner(model, {{"scored", edits}});
  std::vector<RequestScore> scores(groups.size());
  ProgressCounter progress(
      options.progress,
      {.stage = "requests",
       .total = static_cast<std::int64_t>(groups.size()),
       .unit = "requests"});
  score_requests(
      runner,
      groups,
      {.tokens_per_pass = options.tokens_per_pass,
       .on_group = [&](std::size_t, const GroupScore& score) {
         const auto request = static_cast<std::size_t>(score.group);
         scores[request] = score.scores.front();
         if (options.on_score) {
           options.on_score(request, scores[request]);
         }
         progress.add(1);
       }});
  if (!requests.empty()) {
    require_effect(runner.conditions().front(), runner.edited().front());
  }
  return scores;
}

} // namespace ma
