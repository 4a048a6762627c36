// Interventions made of others: an edit that is undone later in the same pass,
// an edit that leaves some tokens out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/interventions/intervention.h"

namespace ma {

/// `edit`, and an edit at `site` that writes back what it overwrote: each entry
/// gets the value that it had before, in the same pass and the same sequence.
/// At the site of `edit` itself they cancel to the bit.
///
/// They belong together: give both, in this order, to one condition, or add
/// both as hooks. What is kept is that of the pass that the calling thread
/// runs, so threads and copies do not disturb each other; passes on one thread
/// must not be nested. Throws ConfigError when a site is a pattern; a pass
/// throws ConfigError when `edit` has not run before `site` is reached,
/// ShapeError when the activation there has another shape.
std::vector<Intervention> with_restore(
    const Intervention& edit, const std::string& site);

/// `edit`, but for entries at `positions` (not negative, each shorter than
/// every sequence) of each sequence, which stay as they are. Throws ConfigError
/// when there are none or one is negative.
Intervention except_at(
    const Intervention& edit, std::vector<std::int64_t> positions);

} // namespace ma
