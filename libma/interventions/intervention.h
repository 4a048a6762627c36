// Intervention: an edit of activations as data, made from a name and options.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/core/registry.h"
#include "libma/hooks/hook_point.h"
#include "libma/interventions/selection.h"

namespace ma {

/// Options of all kinds of intervention; each kind says which it needs and
/// rejects the others.
struct InterventionOptions {
  std::string site = {}; ///< hook name or pattern: "blocks.11.resid_post",
                         ///< "blocks.*.resid_post"
  Selection select = {}; ///< which entries
  std::optional<double> value =
      {};                   ///< set_value: the constant; add: the amount
  torch::Tensor means = {}; ///< set_value: [layer, n + 1, d_model], mean at
                            ///< each of the first n positions and at all others
  torch::Tensor vectors = {}; ///< replace_tokens: [layer, position, d_model],
                              ///< one for each selected position, in its order
  std::string vectors_file = {}; ///< where they were read from, for YAML; may
                                 ///< be empty
  std::optional<double> factor = {};         ///< scale
  std::optional<double> low = {}, high = {}; ///< clamp: either or both
  std::vector<std::int64_t> to = {};   ///< shift_neurons: positions that get
                                       ///< the largest activation
  std::vector<std::int64_t> keep = {}; ///< shift_neurons: positions that stay
                                       ///< as they are
  std::string others = {}; ///< shift_neurons: what all other tokens get, "zero"
                           ///< (unless given), "mean", "only_outliers", "same"
};

/// What an intervention did, summed over calls.
struct InterventionStats {
  std::int64_t calls = 0;  ///< times the hook fired
  std::int64_t edited = 0; ///< entries written
};

/// An edit: where, which entries, what. Copies share their statistics.
class Intervention {
 public:
  Intervention(
      std::string kind,
      InterventionOptions options,
      HookFn fn,
      std::shared_ptr<InterventionStats> stats);

  const std::string& kind() const { return kind_; }
  const std::string& site() const { return options_.site; }
  const InterventionOptions& options() const { return options_; }
  const InterventionStats& stats() const { return *stats_; }

  /// `x` with the selected entries edited; `x` itself is not written, and is
  /// returned when nothing is selected. Throws ShapeError as select_entries
  /// does, ConfigError when a new value is not finite in x's dtype.
  torch::Tensor operator()(const torch::Tensor& x, const HookSite& at) const {
    return fn_(x, at);
  }

  /// One line for tables and records: "set_value 0 at blocks.11.resid_post:
  /// positions [0] x dims [42]".
  std::string describe() const;

 private:
  std::string kind_;
  InterventionOptions options_;
  HookFn fn_;
  std::shared_ptr<InterventionStats> stats_;
};

/// The new values of selected entries: `old` [n] with their flat `indices` [n]
/// in x [batch, pos, d_model].
using EditFn = std::function<torch::Tensor(
    const torch::Tensor& old,
    const torch::Tensor& indices,
    const torch::Tensor& x,
    const HookSite& at)>;

/// Checks the options of one kind and returns its edit.
using InterventionFactory = EditFn (*)(const InterventionOptions& options);
using InterventionRegistry = Registry<InterventionFactory>;

/// Every built-in kind: set_value, scale, clamp, add, replace_tokens,
/// shift_neurons.
const InterventionRegistry& intervention_registry();

/// Makes the intervention called `kind`. Throws UnknownNameError (kind) or
/// ConfigError (an option missing or not of this kind).
Intervention make_intervention(
    const std::string& kind, InterventionOptions options);

/// Throws ConfigError when an option outside `allowed` ("value", "means",
/// "vectors", "factor", "low", "high", "to", "keep", "others") is given, or
/// when a number is NaN. For factories.
void allow_options(
    const InterventionOptions& options,
    const std::string& kind,
    const std::vector<std::string>& allowed);

} // namespace ma
