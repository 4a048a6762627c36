// Conditions: a model with and without edits, run together so that what they
// share is computed once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/interventions/intervention.h"
#include "libma/models/model.h"

namespace ma {

/// A row of an ablation table: the model under some edits, or under none.
struct Condition {
  std::string name;
  std::vector<Intervention> edits; ///< at one site they act in this order,
                                   ///< after the model's other hooks
};

/// What an edit of a condition has done so far.
struct EditEffect {
  std::int64_t calls = 0;  ///< times it fired
  std::int64_t edited = 0; ///< entries written
};

/// Called once for each condition with the residual stream after the last
/// block, [batch, pos, d_model]. While it runs, the condition's edits at the
/// final norm and the logits are active: score the stream here.
using StreamFn =
    std::function<void(std::size_t condition, const torch::Tensor& stream)>;

/// The sequences of a batch of token trees once more, each in a row of its own,
/// for conditions whose edits depend on whole rows.
struct SeparateRows {
  TokenBatch batch;
  torch::Tensor columns; ///< int64 [batch, pos]: flat index of each token in
                         ///< the trees' [batch, pos]; any at padding
};

/// Whether `condition` does the same to sequences that stand in a token tree as
/// to each by itself: all its edits pick entries without regard to the rest of
/// the row, at the positions that all sequences share.
bool fits_token_trees(const Condition& condition);

/// Throws ConfigError, located at `condition`, when one of its edits wrote
/// nothing: `edited` has the entries that each wrote in a whole run.
void require_effect(
    const Condition& condition, const std::vector<std::int64_t>& edited);

/// Tokens that a sequence may have: `wanted`, or, for 0, the model's positions.
/// Throws ConfigError on a negative number and on more than a model with
/// learned positions has.
std::int64_t window_limit(const Model& model, std::int64_t wanted);

/// Tokens of a pass: `wanted`, or, for 0, 512 on the CPU, where the activations
/// of more leave the cache, and 16,384 elsewhere. Throws ConfigError on a
/// negative number.
std::int64_t pass_tokens(std::int64_t wanted, torch::Device device);

/// Runs K conditions of any model on a batch for less than K passes: the
/// unedited stream is computed once, and each condition leaves it at the first
/// block that it edits.
///
/// A condition whose first edits sit at `blocks.L.resid_post` leaves after
/// block L; any other site in block L, before it; sites after the blocks, at
/// the end. The numbers are those of each condition run alone, to the bit on
/// the CPU. The model's other hooks stay active; where streams are shared they
/// fire once for all who share. Keeps two streams in memory whatever K is.
class SharedPassRunner {
 public:
  /// Keeps a reference to `model`. Throws UnknownNameError when an edit's site
  /// matches no point, ConfigError when two conditions have the same name.
  SharedPassRunner(const HookedModel& model, std::vector<Condition> conditions);

  const std::vector<Condition>& conditions() const { return conditions_; }

  /// Runs the conditions for which `wanted` is true (empty: all), in the order
  /// in which they leave the shared stream. When `separate` is given, those
  /// that do not fit token trees go on with its rows from where they leave.
  void run(
      const TokenBatch& batch,
      const StreamFn& consume,
      const std::vector<bool>& wanted = {},
      const SeparateRows* separate = nullptr);

  /// What each edit of a condition has done in all runs so far.
  const std::vector<EditEffect>& effects(std::size_t condition) const {
    return effects_.at(condition);
  }

  /// Entries that each edit of each condition has written so far.
  std::vector<std::vector<std::int64_t>> edited() const;

 private:
  /// Where a condition leaves the shared stream.
  struct Departure {
    std::int64_t block = 0; ///< runs blocks from this one on; -1: embeds anew
    std::vector<std::size_t> at_once; ///< edits at the previous block's
                                      ///< resid_post, applied to the stream
  };

  Departure find_departure(const Condition& condition) const;
  void run_one(
      std::size_t index,
      const torch::Tensor& shared,
      const TokenBatch& batch,
      const StreamFn& consume);

  const HookedModel& model_;
  std::vector<Condition> conditions_;
  std::vector<Departure> departures_;
  std::vector<std::size_t> order_; ///< by departure
  std::vector<std::vector<EditEffect>> effects_;
};

/// The runner of a language model.
class ConditionRunner : public SharedPassRunner {
 public:
  ConditionRunner(const Model& model, std::vector<Condition> conditions)
      : SharedPassRunner(model, std::move(conditions)), model_(model) {}

  const Model& model() const { return model_; }

 private:
  const Model& model_;
};

} // namespace ma
