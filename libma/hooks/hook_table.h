// The hook points of one model, and the handles that keep hooks alive.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "libma/hooks/hook_point.h"

namespace ma {

class HookTable;

/// Keeps a hook registered; the hook goes when the handle does. Handles may die
/// in any order and may outlive the model.
class HookHandle {
 public:
  HookHandle() = default;
  HookHandle(std::weak_ptr<HookTable> table, std::uint64_t id)
      : table_(std::move(table)), id_(id) {}
  HookHandle(HookHandle&& other) noexcept
      : table_(std::move(other.table_)), id_(other.id_) {
    other.table_.reset();
  }
  HookHandle& operator=(HookHandle&& other) noexcept;
  HookHandle(const HookHandle&) = delete;
  HookHandle& operator=(const HookHandle&) = delete;
  ~HookHandle() { remove(); }

  /// Takes the hook away now. Does nothing the second time.
  void remove();

 private:
  std::weak_ptr<HookTable> table_;
  std::uint64_t id_ = 0;
};

/// All hook points of a model by name. Held by shared_ptr; points never move.
class HookTable : public std::enable_shared_from_this<HookTable> {
 public:
  /// Creates the point `name`, which must be in the catalogue. Called while a
  /// model is built, in forward order.
  const HookPoint& add_point(const std::string& name);

  /// The point called `name`. Throws UnknownNameError with the nearest names.
  const HookPoint& point(const std::string& name) const;

  /// Whether any point has a hook.
  bool any_active() const;

  bool has(const std::string& name) const { return by_name_.contains(name); }

  /// Names in forward order.
  std::vector<std::string> names() const;

  /// Names that match `pattern`, in forward order; `*` stands for one
  /// dot-separated part. Throws UnknownNameError with the nearest names when
  /// there are none.
  std::vector<std::string> matching(const std::string& pattern) const;

  /// Registers `fn` at every point that matches `pattern`. Throws
  /// UnknownNameError when none does.
  [[nodiscard]] HookHandle add(const std::string& pattern, HookFn fn);

  /// Sets what `HookSite::batch` shows while the returned guard lives.
  [[nodiscard]] std::shared_ptr<void> use_batch(const TokenBatch& batch);

 private:
  friend class HookHandle;
  void remove(std::uint64_t id);
  void set_batch(const TokenBatch* batch);

  std::vector<std::unique_ptr<HookPoint>> points_;
  std::map<std::string, HookPoint*> by_name_;
  std::uint64_t next_id_ = 1;
  const TokenBatch* batch_ = nullptr;
};

} // namespace ma
