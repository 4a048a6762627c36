// Replacing what attention takes from chosen tokens by a constant: the test of
// the implicit bias (Sun et al. 2024, section 4.2, Eq. 2).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/interventions/intervention.h"

namespace ma {

struct PartReplacement {
  Selection select = {}; ///< the tokens C are those with a selected entry ...
  std::int64_t marked_after = 0; ///< ... in the stream after this block
                                 ///< (0-based), anew in each pass
  std::optional<std::uint64_t> others = {}; ///< a seed: as many random other
                                            ///< tokens in their place
  std::vector<std::int64_t> layers = {};  ///< blocks (0-based) whose attention
                                          ///< is edited, behind `marked_after`
  std::vector<std::int64_t> windows = {}; ///< tokens that queries of each block
                                          ///< see, themselves included; 0, or
                                          ///< an empty list: all
  torch::Tensor constants = {}; ///< floating [layer, head, d_head], row L for
                                ///< block L; undefined: nothing instead
};

/// Edits that belong together: give all of them to one condition, or add all of
/// them as hooks.
///
/// `mark_tokens` looks at the stream and edits nothing; `drop_keys` zeroes
/// p_ki, i in C, in each pattern without renormalising; `add_vector` adds the
/// constant to z. Both leave alone the queries that see no member of C, and
/// those that are one. Throws ConfigError when an option is wrong; a pass
/// throws ShapeError when the tokens were not marked in it.
std::vector<Intervention> replace_part(const PartReplacement& replacement);

} // namespace ma
