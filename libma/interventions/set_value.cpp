// set_value: x := value, or := the mean of its block, position (the first few
// have means of their own) and dim (Sun et al. 2024, table 3).
#include <algorithm>
#include <cmath>

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"
#include "libma/interventions/intervention.h"

namespace ma {
namespace {

/// The position of each entry in its row, `n_own` from there on: int64 [n] on
/// the CPU.
torch::Tensor position_kind(
    const torch::Tensor& indices,
    const torch::Tensor& x,
    const HookSite& at,
    std::int64_t n_own) {
  const auto width = x.numel() / (x.size(0) * x.size(1));
  const auto flat = indices.floor_divide(width); // [n], row * pos + column
  auto kinds = at::full({x.size(0), x.size(1)}, n_own, torch::kInt64);
  if (at.batch != nullptr && at.batch->positions.defined()) {
    kinds = at.batch->positions.to(torch::kCPU).clamp_max(n_own);
  } else {
    auto* first = kinds.mutable_data_ptr<std::int64_t>();
    for (const RealTokens& row :
         real_tokens(at.batch, x.size(0), x.size(1), at.name)) {
      for (std::int64_t i = 0; i < std::min(n_own, row.count); ++i) {
        first[row.column(i)] = i;
      }
      first += x.size(1);
    }
  }
  return kinds.flatten().index_select(/*dim=*/0, flat);
}

torch::Tensor look_up(
    const torch::Tensor& means,
    const torch::Tensor& indices,
    const torch::Tensor& x,
    const HookSite& at) {
  if (at.layer < 0 || at.layer >= means.size(0) || x.dim() != 3 ||
      x.size(2) != means.size(2)) {
    throw ConfigError(
        at.name,
        c10::str(
            "means ",
            means.sizes(),
            " have no entries for this site ",
            x.sizes(),
            "; they are [layer, positions + 1, d_model]"));
  }
  const auto on_cpu = indices.to(torch::kCPU);
  const auto dims = on_cpu.remainder(x.size(2));
  const auto values = means.index(
      {at::tensor(at.layer),
       position_kind(on_cpu, x, at, means.size(1) - 1),
       dims}); // [n]
  const auto defined = at::isfinite(values);
  if (!defined.all().item<bool>()) {
    const auto bad = defined.logical_not().nonzero()[0].item<std::int64_t>();
    throw ConfigError(
        at.name,
        c10::str(
            "the mean of dim ",
            dims[bad].item<std::int64_t>(),
            " is ",
            values[bad].item<double>(),
            "; measure it with more calibration text or give a value"));
  }
  return values.to(x.device());
}

} // namespace

EditFn make_set_value(const InterventionOptions& options) {
  allow_options(options, "set_value", {"value", "means"});
  if (options.value.has_value() == options.means.defined()) {
    throw ConfigError(
        "set_value", "give either option 'value' or option 'means'");
  }
  if (options.value) {
    if (!std::isfinite(*options.value)) {
      throw ConfigError(
          "set_value",
          c10::str(
              "option 'value' is ", *options.value, "; give a finite number"));
    }
    return [value = *options.value](
               const auto& old, const auto&, const auto&, const auto&) {
      return at::full(old.sizes(), value, old.options().dtype(torch::kFloat64));
    };
  }
  const auto means = options.means.to(torch::kCPU, torch::kFloat64);
  if (means.dim() != 3 || means.size(1) < 1) {
    throw ConfigError(
        "set_value",
        c10::str(
            "option 'means' is ",
            means.sizes(),
            "; expected [layer, positions + 1, d_model]"));
  }
  return
      [means](const auto&, const auto& indices, const auto& x, const auto& at) {
        return look_up(means, indices, x, at);
      };
}

} // namespace ma
