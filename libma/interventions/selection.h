// Selection: which entries of an activation an intervention touches, as data.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_point.h"

namespace ma {

enum class SelectionKind {
  kExplicit,  ///< given positions x dims
  kCriterion, ///< |x| > magnitude and |x| > ratio * median(|x|), per row; only
              ///< at `dims` where given
  kTopK,      ///< the `count` largest |x| of each row
  kMedianMagnitude, ///< the `count` entries of each row whose |x| is closest to
                    ///< the median
  kRandom,          ///< `count` entries of each row, drawn with `seed`
};

/// "explicit", "criterion", "top_k", "median_magnitude", "random".
std::string_view selection_kind_name(SelectionKind kind);

/// The kind that selection_kind_name names. Throws UnknownNameError located at
/// `where`.
SelectionKind parse_selection_kind(
    const std::string& name, std::string_view where);

/// Whether the kind takes a fixed number of entries of each row.
bool needs_count(SelectionKind kind);

/// Positions count from the first real token of each row (padding excluded); -1
/// is the last one.
struct Selection {
  SelectionKind kind = SelectionKind::kExplicit;
  std::vector<std::int64_t> positions =
      {}; ///< only these, and only their median; empty means all positions
  std::vector<std::int64_t> dims =
      {};                 ///< kExplicit, kCriterion; empty means all dims
  double magnitude = 100; ///< kCriterion: absolute threshold, activation units
  double ratio =
      1000; ///< kCriterion: times the row's median magnitude, no unit
  std::int64_t count = 0; ///< kTopK, kMedianMagnitude, kRandom: entries per row
  std::uint64_t seed = 0; ///< kRandom

  static Selection at(
      std::vector<std::int64_t> positions, std::vector<std::int64_t> dims);
};

/// Throws ConfigError, located at `where`, when a field is out of its range or
/// does not belong to the kind.
void check_selection(const Selection& selection, std::string_view where);

/// Flat indices of the selected entries of `x` [batch, pos, d_model]: int64 [n]
/// into x.flatten(), ascending, on x's device.
///
/// Dims after the second count as one (q: [batch, pos, head, d_head]). Medians
/// are torch.median (the lower of two) over the row's real tokens; ties go to
/// the lowest flat index. Padding is never selected, and the same row gives the
/// same entries whatever the batch it stands in. Throws ShapeError, located at
/// the site, when a position or dim lies outside a row, a row has fewer than
/// `count` entries, or the site has no positions (attn_scores, pattern).
torch::Tensor select_entries(
    const Selection& selection, const torch::Tensor& x, const HookSite& at);

/// Whether the entries selected in a prefix that holds all of the selection's
/// positions depend only on the prefix, so that a shared one may be computed
/// once: any kind within given, non-negative positions, or all entries of given
/// dims.
bool is_prefix_stable(const Selection& selection);

/// One line for tables and records: "positions [0] x dims [42]".
std::string describe(const Selection& selection);

} // namespace ma
