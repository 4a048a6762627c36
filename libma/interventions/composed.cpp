// Hooks around another intervention's hook.
#include "libma/interventions/composed.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"

namespace ma {
namespace {

/// Entries of an activation of some shape.
struct Entries {
  torch::Tensor indices; ///< int64 [n], flat
  torch::Tensor values;  ///< [n]
  std::vector<std::int64_t> shape;
};

/// What an edit overwrote in the pass that each thread is running.
class Overwritten {
 public:
  void keep(Entries entries) {
    const std::scoped_lock lock(mutex_);
    by_thread_.insert_or_assign(std::this_thread::get_id(), std::move(entries));
  }

  /// Gives away what was kept, so that the next pass cannot take it for its
  /// own.
  std::optional<Entries> take() {
    const std::scoped_lock lock(mutex_);
    const auto found = by_thread_.find(std::this_thread::get_id());
    if (found == by_thread_.end()) {
      return {};
    }
    std::optional<Entries> entries(std::move(found->second));
    by_thread_.erase(found);
    return entries;
  }

 private:
  std::mutex mutex_;
  std::map<std::thread::id, Entries> by_thread_;
};

/// `x` with `indices` [n] of its flattened elements replaced by `values` [n].
torch::Tensor write(
    const torch::Tensor& x,
    const torch::Tensor& indices,
    const torch::Tensor& values) {
  auto y = x.clone(at::MemoryFormat::Contiguous);
  y.view(-1).index_copy_(/*dim=*/0, indices, values);
  return y;
}

void require_one_site(const std::string& site) {
  if (site.empty() || site.find('*') != std::string::npos) {
    throw ConfigError(
        "restore",
        c10::str(
            "'",
            site,
            "' is not one hook point; an edit is undone from one to another"));
  }
}

HookFn make_keep(
    const Intervention& edit,
    const std::shared_ptr<Overwritten>& kept,
    const std::shared_ptr<InterventionStats>& stats) {
  return [=](const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    const auto indices = select_entries(edit.options().select, x, at);
    stats->edited += indices.numel();
    kept->keep({indices, x.take(indices), x.sizes().vec()});
    return edit(x, at);
  };
}

HookFn make_put_back(
    const std::string& edited_at,
    const std::shared_ptr<Overwritten>& kept,
    const std::shared_ptr<InterventionStats>& stats) {
  return [=](const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    const auto entries = kept->take();
    if (!entries) {
      throw ConfigError(
          at.name,
          c10::str(
              "there is nothing to restore: the edit at ",
              edited_at,
              " has not run in this pass; restore at a later point"));
    }
    if (x.sizes() != entries->shape) {
      throw ShapeError(
          at.name,
          c10::str(
              "cannot restore entries of ",
              at::IntArrayRef(entries->shape),
              " in ",
              x.sizes(),
              "; restore where the activation has the same shape"));
    }
    if (entries->indices.numel() == 0) {
      return x;
    }
    stats->edited += entries->indices.numel();
    return write(
        x,
        entries->indices.to(x.device()),
        entries->values.to(x.device(), x.scalar_type()));
  };
}

/// Which of `indices` [n] of `x` are not at `positions`: bool [n] on the CPU.
torch::Tensor is_elsewhere(
    const torch::Tensor& indices,
    const std::vector<std::int64_t>& positions,
    const torch::Tensor& x,
    const HookSite& at) {
  auto is_other = at::ones({x.size(0), x.size(1)}, torch::kBool);
  auto* row = is_other.mutable_data_ptr<bool>();
  for (const RealTokens& tokens :
       real_tokens(at.batch, x.size(0), x.size(1), at.name)) {
    for (const ElementRange& run : tokens.only(positions, at.name).runs) {
      std::fill(row + run.first, row + run.last, false);
    }
    row += x.size(1);
  }
  const auto width = x.numel() / (x.size(0) * x.size(1));
  return is_other.flatten().index_select(
      /*dim=*/0, indices.to(torch::kCPU).floor_divide(width));
}

} // namespace

std::vector<Intervention> with_restore(
    const Intervention& edit, const std::string& site) {
  require_one_site(edit.site());
  require_one_site(site);
  const auto kept = std::make_shared<Overwritten>();
  auto removing = std::make_shared<InterventionStats>();
  auto restoring = std::make_shared<InterventionStats>();
  InterventionOptions back{.site = site, .select = edit.options().select};
  return {
      Intervention(
          edit.kind(),
          edit.options(),
          make_keep(edit, kept, removing),
          removing),
      Intervention(
          "restore",
          std::move(back),
          make_put_back(edit.site(), kept, restoring),
          restoring)};
}

Intervention except_at(
    const Intervention& edit, std::vector<std::int64_t> positions) {
  if (positions.empty() ||
      *std::min_element(positions.begin(), positions.end()) < 0) {
    throw ConfigError(
        edit.kind(),
        c10::str(
            "cannot leave out positions ",
            at::IntArrayRef(positions),
            "; name at least one, counted from the start"));
  }
  auto stats = std::make_shared<InterventionStats>();
  auto kind = c10::str(
      edit.kind(), " (not at positions ", at::IntArrayRef(positions), ")");
  HookFn fn = [edit, positions = std::move(positions), stats](
                  const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    const auto selected = select_entries(edit.options().select, x, at);
    const auto indices = selected.masked_select(
        is_elsewhere(selected, positions, x, at).to(selected.device()));
    if (indices.numel() == 0) {
      return x;
    }
    stats->edited += indices.numel();
    return write(x, indices, edit(x, at).take(indices));
  };
  return {std::move(kind), edit.options(), std::move(fn), std::move(stats)};
}

} // namespace ma
