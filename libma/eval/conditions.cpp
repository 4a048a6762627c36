// Planning and running of conditions that share a forward pass.
#include "libma/eval/conditions.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <string_view>
#include <utility>

#include <ATen/core/grad_mode.h>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

constexpr std::int64_t kEmbedding = -1;
constexpr std::string_view kAfterBlock = "resid_post";
constexpr std::int64_t kCpuTokens = 512;
constexpr std::int64_t kDeviceTokens = 16384;

/// The first block that has to run for a condition with an edit at `name`.
std::int64_t departure_of(const HookedModel& model, const std::string& name) {
  const HookSite& site = model.hooks().point(name).site();
  if (site.layer >= 0) {
    return site.kind == kAfterBlock ? site.layer + 1 : site.layer;
  }
  const auto names = model.hook_names(); // in forward order
  const auto first_block =
      std::find(names.begin(), names.end(), block_site(0, "resid_pre"));
  return std::find(names.begin(), first_block, name) != first_block
             ? kEmbedding
             : model.config().n_layers;
}

/// The stream [batch, pos, d_model] of a batch of trees, for separate rows.
torch::Tensor rows_of(
    const torch::Tensor& stream, const SeparateRows& separate) {
  const auto flat = separate.columns.flatten().to(stream.device());
  return stream.flatten(0, 1)
      .index_select(/*dim=*/0, flat)
      .view({separate.columns.size(0), separate.columns.size(1), -1});
}

} // namespace

bool fits_token_trees(const Condition& condition) {
  return std::all_of(
      condition.edits.begin(),
      condition.edits.end(),
      [](const Intervention& edit) {
        // neurons are shifted by a whole row's activations
        return edit.options().to.empty() &&
               is_prefix_stable(edit.options().select);
      });
}

void require_effect(
    const Condition& condition, const std::vector<std::int64_t>& edited) {
  for (std::size_t e = 0; e < condition.edits.size(); ++e) {
    if (edited[e] == 0) {
      const Intervention& edit = condition.edits[e];
      throw ConfigError(
          c10::str("condition '", condition.name, "'"),
          c10::str(
              "its edit '",
              edit.kind(),
              "' at ",
              edit.site(),
              " wrote no entry in any pass; check what it selects (",
              describe(edit.options().select),
              ")"));
    }
  }
}

std::int64_t window_limit(const Model& model, std::int64_t wanted) {
  const auto most = model.config().max_positions;
  const bool is_too_long =
      model.config().has_learned_positions() && wanted > most;
  if (wanted < 0 || is_too_long) {
    throw ConfigError(
        "max_length",
        c10::str(
            "expected a positive number",
            is_too_long ? c10::str(" up to the model's ", most, " positions")
                        : std::string(", or 0 for the model's positions"),
            ", got ",
            wanted));
  }
  return wanted > 0 ? wanted : most;
}

std::int64_t pass_tokens(std::int64_t wanted, torch::Device device) {
  if (wanted < 0) {
    throw ConfigError(
        "tokens_per_pass",
        c10::str(
            "expected a positive number, or 0 for the default, got ", wanted));
  }
  const auto by_default = device.is_cpu() ? kCpuTokens : kDeviceTokens;
  return wanted > 0 ? wanted : by_default;
}

SharedPassRunner::SharedPassRunner(
    const HookedModel& model, std::vector<Condition> conditions)
    : model_(model),
      conditions_(std::move(conditions)),
      order_(conditions_.size()),
      effects_(conditions_.size()) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < conditions_.size(); ++i) {
    const Condition& condition = conditions_[i];
    if (!names.insert(condition.name).second) {
      throw ConfigError(
          "conditions",
          c10::str("two are named '", condition.name, "'; rename one"));
    }
    departures_.push_back(find_departure(condition));
    effects_[i].resize(condition.edits.size());
  }
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  std::stable_sort(
      order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
        return departures_[a].block < departures_[b].block;
      });
}

SharedPassRunner::Departure SharedPassRunner::find_departure(
    const Condition& condition) const {
  Departure departure;
  departure.block = model_.config().n_layers;
  for (const Intervention& edit : condition.edits) {
    for (const std::string& name : model_.hooks().matching(edit.site())) {
      departure.block = std::min(departure.block, departure_of(model_, name));
    }
  }
  if (departure.block <= 0) {
    return departure;
  }
  const auto boundary = block_site(departure.block - 1, kAfterBlock);
  for (std::size_t i = 0; i < condition.edits.size(); ++i) {
    const auto names = model_.hooks().matching(condition.edits[i].site());
    if (std::find(names.begin(), names.end(), boundary) != names.end()) {
      departure.at_once.push_back(i);
    }
  }
  return departure;
}

void SharedPassRunner::run(
    const TokenBatch& batch,
    const StreamFn& consume,
    const std::vector<bool>& wanted,
    const SeparateRows* separate) {
  const at::NoGradGuard no_grad;
  const TokenBatch moved = batch.to(model_.device());
  torch::Tensor shared; // the unedited stream before block `reached`
  std::int64_t reached = 0;
  for (const std::size_t index : order_) {
    if (!wanted.empty() && !wanted.at(index)) {
      continue;
    }
    const std::int64_t block = departures_[index].block;
    if (block != kEmbedding) {
      shared = shared.defined() ? shared : model_.embed(moved);
      shared = model_.run_blocks(shared, reached, block, moved);
      reached = block;
    }
    if (separate != nullptr && !fits_token_trees(conditions_[index])) {
      const auto own =
          block == kEmbedding ? shared : rows_of(shared, *separate);
      run_one(index, own, separate->batch.to(model_.device()), consume);
    } else {
      run_one(index, shared, moved, consume);
    }
  }
}

void SharedPassRunner::run_one(
    std::size_t index,
    const torch::Tensor& shared,
    const TokenBatch& batch,
    const StreamFn& consume) {
  const Condition& condition = conditions_[index];
  const Departure& departure = departures_[index];
  std::vector<HookHandle> handles;
  std::vector<InterventionStats> before;
  for (const Intervention& edit : condition.edits) {
    handles.push_back(model_.add_hook(edit.site(), edit));
    before.push_back(edit.stats());
  }

  torch::Tensor x =
      departure.block == kEmbedding ? model_.embed(batch) : shared;
  if (!departure.at_once.empty()) {
    const auto name = block_site(departure.block - 1, kAfterBlock);
    HookSite site = model_.hooks().point(name).site();
    site.batch = &batch;
    for (const std::size_t i : departure.at_once) {
      x = call_hook(condition.edits[i], x, site);
    }
  }
  x = model_.run_blocks(
      x,
      std::max<std::int64_t>(departure.block, 0),
      model_.config().n_layers,
      batch);
  consume(index, x);

  for (std::size_t i = 0; i < condition.edits.size(); ++i) {
    const InterventionStats& after = condition.edits[i].stats();
    effects_[index][i].calls += after.calls - before[i].calls;
    effects_[index][i].edited += after.edited - before[i].edited;
  }
}

std::vector<std::vector<std::int64_t>> SharedPassRunner::edited() const {
  std::vector<std::vector<std::int64_t>> counts;
  for (const auto& by_edit : effects_) {
    auto& written = counts.emplace_back();
    for (const EditEffect& effect : by_edit) {
      written.push_back(effect.edited);
    }
  }
  return counts;
}

} // namespace ma
