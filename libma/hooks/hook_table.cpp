// Patterns, registration and removal of hooks.
#include "libma/hooks/hook_table.h"

#include <algorithm>
#include <string_view>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

/// Whether `name` matches `pattern` part by part; `*` matches exactly one part.
bool matches(std::string_view pattern, std::string_view name) {
  while (true) {
    const auto pattern_dot = pattern.find('.');
    const auto name_dot = name.find('.');
    const auto part = pattern.substr(0, pattern_dot);
    if (part != "*" && part != name.substr(0, name_dot)) {
      return false;
    }
    if (pattern_dot == std::string_view::npos ||
        name_dot == std::string_view::npos) {
      return pattern_dot == name_dot;
    }
    pattern.remove_prefix(pattern_dot + 1);
    name.remove_prefix(name_dot + 1);
  }
}

} // namespace

HookHandle& HookHandle::operator=(HookHandle&& other) noexcept {
  if (this != &other) {
    remove();
    table_ = std::move(other.table_);
    id_ = other.id_;
    other.table_.reset();
  }
  return *this;
}

void HookHandle::remove() {
  if (const auto table = table_.lock()) {
    table->remove(id_);
  }
  table_.reset();
}

const HookPoint& HookTable::add_point(const std::string& name) {
  points_.push_back(std::make_unique<HookPoint>(make_site(name)));
  if (!by_name_.emplace(name, points_.back().get()).second) {
    throw ConfigError(
        "hook table", c10::str("the point '", name, "' is added twice"));
  }
  return *points_.back();
}

const HookPoint& HookTable::point(const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    throw UnknownNameError("hooks", "hook point", name, names());
  }
  return *found->second;
}

bool HookTable::any_active() const {
  return std::any_of(points_.begin(), points_.end(), [](const auto& point) {
    return point->active();
  });
}

std::vector<std::string> HookTable::names() const {
  std::vector<std::string> names;
  names.reserve(points_.size());
  for (const auto& point : points_) {
    names.push_back(point->site().name);
  }
  return names;
}

std::vector<std::string> HookTable::matching(const std::string& pattern) const {
  std::vector<std::string> found;
  for (const auto& point : points_) {
    if (matches(pattern, point->site().name)) {
      found.push_back(point->site().name);
    }
  }
  if (found.empty()) {
    throw UnknownNameError("hooks", "hook point", pattern, names());
  }
  return found;
}

HookHandle HookTable::add(const std::string& pattern, HookFn fn) {
  if (!fn) {
    throw ConfigError(pattern, "the hook is an empty function");
  }
  const auto shared = std::make_shared<const HookFn>(std::move(fn));
  const std::uint64_t id = next_id_++;
  for (const std::string& name : matching(pattern)) {
    by_name_.at(name)->entries_.push_back({id, shared});
  }
  return {weak_from_this(), id};
}

std::shared_ptr<void> HookTable::use_batch(const TokenBatch& batch) {
  const TokenBatch* previous = batch_;
  set_batch(&batch);
  return {nullptr, [this, previous](void*) { set_batch(previous); }};
}

void HookTable::set_batch(const TokenBatch* batch) {
  batch_ = batch;
  const TokenBatch* shown =
      batch != nullptr && batch->ids.defined() ? batch : nullptr;
  for (const auto& point : points_) {
    point->site_.batch = shown;
  }
}

void HookTable::remove(std::uint64_t id) {
  for (const auto& point : points_) {
    point->remove(id);
  }
}

} // namespace ma
