// Selection: which entries of an activation an intervention touches, as data.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma {

enum class SelectionKind {
  kExplicit,        ///< given positions x dims
  kCriterion,       ///< |x| > magnitude and |x| > ratio * median(|x|), per row
  kTopK,            ///< the `count` largest |x| of each row
  kMedianMagnitude, ///< the `count` entries of each row whose |x| is closest to
                    ///< the median
  kRandom,          ///< `count` entries of each row, drawn with `seed`
};

/// Positions count from the first real token of each row (padding excluded); -1
/// is the last one.
struct Selection {
  SelectionKind kind = SelectionKind::kExplicit;
  std::vector<std::int64_t> positions; ///< kExplicit; empty means all positions
  std::vector<std::int64_t> dims;      ///< kExplicit; empty means all dims
  double magnitude = 100; ///< kCriterion: absolute threshold, activation units
  double ratio =
      1000; ///< kCriterion: times the row's median magnitude, no unit
  std::int64_t count = 0; ///< kTopK, kMedianMagnitude, kRandom: entries per row
  std::uint64_t seed = 0; ///< kRandom

  static Selection at(
      std::vector<std::int64_t> positions, std::vector<std::int64_t> dims);
};

/// Flat indices of the selected entries of `x` [batch, pos, d_model]: int64 [n]
/// into x.flatten(), ascending, on x's device. Padding is never selected. A
/// position or dim outside a row throws ShapeError, located at the site. The
/// same row gives the same entries whatever the batch it stands in.
torch::Tensor select_entries(
    const Selection& selection, const torch::Tensor& x, const HookSite& at);

/// Whether the selected entries of a prefix depend only on the prefix
/// (explicit, non-negative positions), so that a shared prefix may be computed
/// once.
bool is_prefix_stable(const Selection& selection);

/// One line for tables and records: "positions [0] x dims [507]".
std::string describe(const Selection& selection);

} // namespace ma
