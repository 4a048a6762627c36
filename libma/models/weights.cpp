// Loading: one stored tensor in memory at a time, copied into the parameter at
// the target dtype and device.
#include "libma/models/weights.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <string_view>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/memory.h"
#include "libma/core/names.h"
#include "libma/models/transformer_config.h"

namespace ma {
namespace {

constexpr std::size_t kListedProblems = 8;
constexpr std::string_view kLayer = "{}";
constexpr std::string_view kEach = "{each}";

/// `name` with the number `index` in its `hole`, if it has one.
std::string filled(
    std::string name, std::string_view hole, std::int64_t index) {
  if (const auto at = name.find(hole); at != std::string::npos) {
    name.replace(at, hole.size(), std::to_string(index));
  }
  return name;
}

std::string with_layer(const std::string& name, std::int64_t layer) {
  return filled(name, kLayer, layer);
}

std::string with_each(const std::string& name, std::int64_t index) {
  return filled(name, kEach, index);
}

/// Whether `name` is `pattern` with some block index for {}, or begins with
/// what comes before the * at its end.
bool is_instance(const std::string& name, const std::string& pattern) {
  if (pattern.ends_with('*')) {
    return name.starts_with(pattern.substr(0, pattern.size() - 1));
  }
  const auto hole = pattern.find("{}");
  if (hole == std::string::npos) {
    return name == pattern;
  }
  const std::string tail = pattern.substr(hole + 2);
  if (!name.starts_with(pattern.substr(0, hole)) || !name.ends_with(tail) ||
      name.size() <= hole + tail.size()) {
    return false;
  }
  const std::string index = name.substr(hole, name.size() - hole - tail.size());
  return index.find_first_not_of("0123456789") == std::string::npos;
}

} // namespace

WeightMap with(WeightMap base, const WeightMap& changes) {
  for (const WeightEntry& change : changes) {
    const auto found =
        std::find_if(base.begin(), base.end(), [&](const WeightEntry& entry) {
          return entry.ours == change.ours;
        });
    if (found == base.end()) {
      base.push_back(change);
    } else {
      *found = change;
    }
  }
  return base;
}

WeightMap or_else(WeightMap map, const WeightMap& alternatives) {
  map.insert(map.end(), alternatives.begin(), alternatives.end());
  return map;
}

std::int64_t Parameter::numel() const {
  return std::accumulate(
      shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

WeightLoader::WeightLoader(
    const Checkpoint& checkpoint,
    const WeightLayout& layout,
    const TransformerConfig& config,
    Target target)
    : checkpoint_(checkpoint),
      layout_(layout),
      config_(config),
      target_(std::move(target)) {}

const WeightEntry& WeightLoader::entry(
    const std::string& ours, std::int64_t layer) const {
  const WeightEntry* first = nullptr;
  for (const WeightEntry& entry : layout_.map) {
    if (entry.ours != ours) {
      continue;
    }
    if (has(stored_name(with_each(entry.theirs.front().name, 0), layer))) {
      return entry;
    }
    first = first == nullptr ? &entry : first;
  }
  if (first == nullptr) {
    throw ConfigError(
        config_.architecture,
        c10::str("the weight table has no entry '", ours, "'; add it"));
  }
  return *first;
}

bool WeightLoader::has(const std::string& name) const {
  return checkpoint_.tensors().contains(name);
}

std::string WeightLoader::stored_name(
    const std::string& name, std::int64_t layer) const {
  std::string full = with_layer(name, layer);
  const std::string& prefix = layout_.optional_prefix;
  if (!prefix.empty() && full.starts_with(prefix) && !has(full) &&
      has(full.substr(prefix.size()))) {
    return full.substr(prefix.size());
  }
  return full;
}

std::vector<WeightLoader::Part> WeightLoader::parts_of(
    const std::string& ours, std::int64_t layer) const {
  std::vector<Part> parts;
  const auto& theirs = entry(ours, layer).theirs;
  const bool is_counted = theirs.front().name.find(kEach) != std::string::npos;
  for (std::int64_t i = 0;; ++i) {
    for (const StoredName& stored : theirs) {
      parts.push_back(
          {stored_name(with_each(stored.name, i), layer), stored.transform});
    }
    const auto next = with_each(theirs.front().name, i + 1);
    if (!is_counted || !has(stored_name(next, layer))) {
      return parts;
    }
  }
}

torch::Tensor WeightLoader::take(
    const std::string& ours,
    std::vector<std::int64_t> shape,
    std::int64_t layer) {
  parameters_.push_back(
      {ours, layer, std::move(shape), target_.placement.of(ours, layer)});
  const Parameter& parameter = parameters_.back();
  const auto parts = parts_of(ours, layer);
  const auto n_problems = problems_.size();
  for (const Part& part : parts) {
    if (has(part.name)) {
      used_.insert(part.name);
    } else {
      problems_.push_back("missing " + part.name);
    }
  }
  if (problems_.size() > n_problems) {
    return {};
  }
  auto taken = join_parts(parts, parameter);
  if (parts.size() > 1 && !target_.is_plan) {
    give_back_freed_memory(); // of the parts: holes would add up otherwise
  }
  return problems_.size() > n_problems ? torch::Tensor() : taken;
}

void WeightLoader::check_rows(
    const Part& part,
    torch::IntArrayRef found,
    torch::IntArrayRef shape,
    std::int64_t filled) {
  auto expected = shape.vec();
  expected.front() = found.empty() ? 0 : found.front();
  if (found != torch::IntArrayRef(expected) ||
      filled + expected.front() > shape.front()) {
    problems_.push_back(
        c10::str(part.name, " has shape ", found, ", expected ", shape));
  }
}

torch::Tensor WeightLoader::join_parts(
    const std::vector<Part>& parts, const Parameter& parameter) {
  const auto& shape = parameter.shape;
  if (target_.is_plan) {
    return at::empty(
        shape, at::TensorOptions().dtype(target_.dtype).device(torch::kMeta));
  }
  const auto options =
      at::TensorOptions().dtype(target_.dtype).device(parameter.device);
  torch::Tensor joined;
  std::int64_t filled = 0; // rows
  for (const Part& part : parts) {
    auto rows = checkpoint_.load(part.name, target_.dtype);
    if (part.transform != nullptr) {
      rows = part.transform(rows, config_);
    }
    const auto n_problems = problems_.size();
    check_rows(part, rows.sizes(), shape, filled);
    if (problems_.size() > n_problems) {
      return {};
    }
    if (rows.size(0) == shape.front()) { // the whole: no second copy
      return rows.to(options).contiguous();
    }
    if (!joined.defined()) {
      joined = at::empty(shape, options);
    }
    joined.narrow(/*dim=*/0, filled, rows.size(0)).copy_(rows);
    filled += rows.size(0);
  }
  if (filled != shape.front()) {
    problems_.push_back(
        c10::str(
            parts.size() == 1 ? parts.front().name : parameter.ours,
            " has ",
            filled,
            " rows, expected ",
            shape.front()));
  }
  return joined;
}

torch::Tensor WeightLoader::reuse(
    const torch::Tensor& parameter, const std::string& ours) {
  for (const Part& part : parts_of(ours, /*layer=*/-1)) {
    used_.insert(part.name);
  }
  const auto device = target_.placement.of(ours, /*layer=*/-1);
  if (!parameter.defined()) {
    return parameter;
  }
  if (target_.is_plan) {
    if (device != target_.placement.embed) {
      parameters_.push_back(
          {ours, -1, parameter.sizes().vec(), device, /*is_copy=*/true});
    }
    return parameter;
  }
  return parameter.to(device);
}

Placement WeightLoader::placement() const {
  return target_.is_plan ? Placement::all(torch::kMeta, config_.n_layers)
                         : target_.placement;
}

void WeightLoader::finish() {
  for (const auto& stored : checkpoint_.tensors()) {
    bool is_ignored = false;
    for (const std::string& pattern : layout_.ignored) {
      const std::string& prefix = layout_.optional_prefix;
      is_ignored = is_ignored || is_instance(stored.first, pattern) ||
                   is_instance(prefix + stored.first, pattern);
    }
    if (!used_.contains(stored.first) && !is_ignored) {
      problems_.push_back("unexpected " + stored.first);
    }
  }
  if (problems_.empty()) {
    return;
  }
  const std::size_t n_problems = problems_.size();
  if (n_problems > kListedProblems) {
    problems_.resize(kListedProblems);
    problems_.push_back(
        c10::str("and ", n_problems - kListedProblems, " more"));
  }
  throw FileError(
      checkpoint_.path().string(),
      c10::str(
          "the tensors do not fit the architecture '",
          config_.architecture,
          "': ",
          join(problems_, "; ")));
}

} // namespace ma
