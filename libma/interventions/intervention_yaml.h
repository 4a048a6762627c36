// Interventions and selections in YAML files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "libma/core/yaml.h"
#include "libma/interventions/intervention.h"

namespace ma {

/// Reads the list `positions` where it may hold more than numbers.
using ReadPositionsFn =
    std::function<std::vector<std::int64_t>(const Yaml& positions)>;

/// A selection: a kind (`top_k`), or a map {kind, positions, dims, magnitude,
/// ratio, count, seed} with the keys that the kind has. `defaults` has the
/// thresholds of one that names none; a count that is left out is 0. Throws
/// ConfigError, located at the value.
Selection read_selection(
    const Yaml& yaml,
    const Selection& defaults = {},
    const ReadPositionsFn& read_positions = {});

/// The keys `factor`, `low`, `high`, `to`, `keep` and `others` of an edit,
/// where they are given.
void read_edit_options(const Yaml& yaml, InterventionOptions& options);

/// Reads the vectors [layer, position, d_model] of replace_tokens from a file.
using LoadVectorsFn =
    std::function<torch::Tensor(const std::filesystem::path& path)>;

/// The list `interventions` of a file:
///
/// ```yaml
/// interventions:
///   - {kind: set_value, site: blocks.11.resid_post,
///      select: {kind: explicit, positions: [0], dims: [42]}, value: 0}
///   - {kind: scale, layer: [3, 4], site: mlp_out, select: {...}, factor: 0.5}
/// ```
///
/// `kind` is set_value unless given; replace_tokens takes `vectors`, a file
/// that `load_vectors` reads; shift_neurons `to`, `keep` and `others`. `site`
/// is a hook name or pattern; with `layer` (a block, a list of them, or `all`)
/// it is the part after `blocks.{i}.`, resid_post unless given. Throws
/// ConfigError or UnknownNameError, located at the value.
std::vector<Intervention> read_interventions(
    const Yaml& file, const LoadVectorsFn& load_vectors = {});

/// Reads a file of interventions. Throws as read_interventions does, and
/// ConfigError on a key that nobody asked for; FileError when it cannot be
/// read.
std::vector<Intervention> load_interventions(
    const std::filesystem::path& path, const LoadVectorsFn& load_vectors = {});

/// The text of a file that load_interventions reads as the same edits.
///
/// Means become values: one edit for each block, kind of position (start or
/// other) and dim. Vectors must have come from a file. Throws ConfigError where
/// that is not possible: for selections other than given, non-negative
/// positions x given dims, and for edits that make_intervention does not make.
std::string interventions_to_yaml(const std::vector<Intervention>& edits);

/// Writes that text to `path` in one step. Throws FileError.
void save_interventions(
    const std::filesystem::path& path, const std::vector<Intervention>& edits);

} // namespace ma
