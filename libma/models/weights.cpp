// Loading: one stored tensor in memory at a time, copied into the parameter at
// the target dtype and device.
#include "libma/models/weights.h"

#include <utility>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/models/decoder.h"

namespace ma {
namespace {

constexpr std::size_t kListedProblems = 8;

std::string with_layer(std::string name, std::int64_t layer) {
  if (const auto at = name.find("{}"); at != std::string::npos) {
    name.replace(at, 2, std::to_string(layer));
  }
  return name;
}

/// Whether `name` is `pattern` with some block index for {}.
bool is_instance(const std::string& name, const std::string& pattern) {
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

torch::Tensor transposed(
    const torch::Tensor& stored, const DecoderConfig& /*config*/) {
  return stored.t();
}

WeightLoader::WeightLoader(
    const Checkpoint& checkpoint,
    const WeightLayout& layout,
    const DecoderConfig& config,
    Target target)
    : checkpoint_(checkpoint),
      layout_(layout),
      config_(config),
      target_(target) {}

const WeightEntry& WeightLoader::entry(const std::string& ours) const {
  for (const WeightEntry& entry : layout_.map) {
    if (entry.ours == ours) {
      return entry;
    }
  }
  throw ConfigError(
      config_.architecture,
      c10::str("the weight table has no entry '", ours, "'; add it"));
}

std::string WeightLoader::stored_name(
    const StoredName& stored, std::int64_t layer) const {
  const std::string name = with_layer(stored.name, layer);
  const std::string& prefix = layout_.optional_prefix;
  if (!prefix.empty() && name.starts_with(prefix) &&
      !checkpoint_.tensors().contains(name)) {
    const std::string bare = name.substr(prefix.size());
    if (checkpoint_.tensors().contains(bare)) {
      return bare;
    }
  }
  return name;
}

bool WeightLoader::has(const std::string& ours, std::int64_t layer) const {
  return checkpoint_.tensors().contains(
      stored_name(entry(ours).theirs.front(), layer));
}

torch::Tensor WeightLoader::take(
    const std::string& ours,
    std::vector<std::int64_t> shape,
    std::int64_t layer) {
  const auto options =
      at::TensorOptions().dtype(target_.dtype).device(target_.device);
  torch::Tensor parameter;
  std::int64_t filled = 0; // rows
  for (const StoredName& stored : entry(ours).theirs) {
    const std::string name = stored_name(stored, layer);
    if (!checkpoint_.tensors().contains(name)) {
      problems_.push_back("missing " + name);
      return {};
    }
    used_.insert(name);
    auto part = checkpoint_.load(name, target_.dtype);
    if (stored.transform != nullptr) {
      part = stored.transform(part, config_);
    }
    const auto rows = part.dim() > 0 ? part.size(0) : 0;
    auto expected = shape;
    expected.front() = rows;
    if (part.sizes() != torch::IntArrayRef(expected) ||
        filled + rows > shape.front()) {
      problems_.push_back(
          c10::str(
              name,
              " has shape ",
              part.sizes(),
              ", expected ",
              torch::IntArrayRef(shape)));
      return {};
    }
    if (rows == shape.front()) { // the whole parameter: no second copy
      return part.to(options).contiguous();
    }
    if (!parameter.defined()) {
      parameter = at::empty(shape, options);
    }
    parameter.narrow(/*dim=*/0, filled, rows).copy_(part);
    filled += rows;
  }
  if (filled != shape.front()) {
    problems_.push_back(
        c10::str(ours, " has ", filled, " rows, expected ", shape.front()));
    return {};
  }
  return parameter;
}

void WeightLoader::skip(const std::string& ours) {
  for (const StoredName& stored : entry(ours).theirs) {
    used_.insert(stored_name(stored, -1));
  }
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
