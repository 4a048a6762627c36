// What the kinds of sweep share; for sweep_*.cpp and sweeps.cpp alone.
#pragma once

#include <cstdint>
#include <string>

#include "libma/analysis/edit_target.h"
#include "libma/eval/sweeps.h"

namespace ma::sweeps {

constexpr const char* kWhere = "sweep"; ///< where errors are located

/// `blocks.{block}.resid_post`.
std::string after_block(std::int64_t block);

/// What every kind starts from.
struct Context {
  const MassiveProfile& profile;
  const SweepOptions& options;
  EditTarget target;

  std::int64_t n_blocks() const;

  /// `select` after `block` (0-based) set to a number, to means [layer, n + 1,
  /// d_model], to the calibration means, to what the options ask for.
  Intervention to_value(
      const Selection& select, std::int64_t block, double value) const;
  Intervention to_means(
      const Selection& select,
      std::int64_t block,
      const torch::Tensor& means) const;
  Intervention to_mean(const Selection& select, std::int64_t block) const;
  Intervention edit(const Selection& select, std::int64_t block) const;

  /// The strongest edited entry's value in `means` [layer, n + 1, d_model].
  double mean_in(const torch::Tensor& means, std::int64_t position) const;
};

Sweep make_blocks(const Context& context);
Sweep make_spans(const Context& context);
Sweep make_scale(const Context& context);
Sweep make_restore(const Context& context);
Sweep make_places(const Context& context);
Sweep make_tokens(const Context& context);
Sweep make_mean_from(const Context& context);
Sweep make_mean_of(const Context& context);

} // namespace ma::sweeps
