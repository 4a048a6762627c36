// Sweeps: families of conditions around a model's massive activations, each
// along one line: over blocks, factors, tokens, means.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/analysis/massive.h"
#include "libma/core/table.h"
#include "libma/core/tensor.h"
#include "libma/eval/conditions.h"

namespace ma {

/// What varies along a sweep. Each kind takes the options in brackets, and
/// rejects the others.
///
/// - `blocks`: the edit after each block (value, is_mean)
/// - `spans`: after the first massive block, after it and all that follow,
/// after
///   all blocks (value, is_mean)
/// - `scale`: the entries times each factor (factors)
/// - `places`: massive entries at the start, elsewhere, both (value, is_mean)
/// - `tokens`: the entries, their whole token, their dims at all tokens, their
///   dims at all others, each set to 0 and to the mean
/// - `restore`: set after the first massive block, put back after a later one
///   (value, is_mean, after)
/// - `mean_from`: the mean over each number of calibration sequences (means)
/// - `mean_of`: the mean at the entries' own position, the mean at all others
struct SweepOptions {
  std::string kind = {};
  std::int64_t top = 1; ///< the strongest so many massive entries of their
                        ///< token are edited; 0: all that were found
  std::optional<double> value = {}; ///< what entries are set to; unset: 0
  bool is_mean = false;             ///< set to their means instead
  std::vector<double> factors = {}; ///< scale; empty: 0 to 2 in steps of 0.25
  std::vector<std::int64_t> after =
      {}; ///< restore: blocks from the edit to the restoration; empty: all
  std::map<std::int64_t, torch::Tensor> means =
      {}; ///< mean_from: by number of sequences, from calibration_means
};

/// One condition and what stands in front of its results.
struct SweepRow {
  std::vector<Cell> keys;
  Condition condition;
};

struct Sweep {
  std::vector<Column> keys;
  std::vector<SweepRow> rows;
  std::vector<std::string> left_out =
      {}; ///< rows that this model has not, each with the reason
};

/// Names of all kinds.
std::vector<std::string> sweep_kinds();

/// The names of the options that `kind` takes, `top` apart. Throws
/// UnknownNameError, located at `where`, when there is no such kind.
std::vector<std::string> sweep_options(
    const std::string& kind, std::string_view where);

/// The sweep of `options.kind` over what was found. Conditions are named for
/// what they do ("block 11", "scale 0.5") and differ within a sweep. Throws
/// UnknownNameError (kind), ConfigError on an option that is not of the kind or
/// out of its range, or when no row is left.
Sweep make_sweep(const MassiveProfile& profile, const SweepOptions& options);

} // namespace ma
