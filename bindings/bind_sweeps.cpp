// Sweeps of conditions, and what is measured beside perplexity.
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/progress_arg.h"
#include "bindings/topics.h"

#include "libma/core/error.h"
#include "libma/eval/ablation.h"
#include "libma/eval/calibration_means.h"
#include "libma/eval/repetition.h"
#include "libma/eval/sweeps.h"
#include "libma/interventions/composed.h"

namespace ma::python {
namespace {

using Edits = std::variant<std::vector<Intervention>, Intervention>;
using Value = std::variant<double, std::string>;
using Means = std::map<std::int64_t, torch::Tensor>;

std::vector<Intervention> list_of(const Edits& edits) {
  const auto* one = std::get_if<Intervention>(&edits);
  return one != nullptr ? std::vector<Intervention>{*one}
                        : std::get<std::vector<Intervention>>(edits);
}

/// A number, or "mean".
void read_value(const std::optional<Value>& value, SweepOptions& options) {
  if (!value) {
    return;
  }
  if (const auto* number = std::get_if<double>(&*value)) {
    options.value = *number;
    return;
  }
  const auto& word = std::get<std::string>(*value);
  if (word != "mean") {
    throw ConfigError(
        "sweep_conditions",
        "value: expected a number or 'mean', got '" + word + "'");
  }
  options.is_mean = true;
}

std::vector<Condition> sweep_conditions(
    const MassiveProfile& profile, const SweepOptions& options) {
  std::vector<Condition> conditions = {{"original", {}}};
  for (SweepRow& row : make_sweep(profile, options).rows) {
    conditions.push_back(std::move(row.condition));
  }
  return conditions;
}

void bind_conditions(py::module_& m) {
  m.def(
      "sweep_kinds",
      &sweep_kinds,
      R"(Names of all kinds of sweep.

Example:
    >>> ma.sweep_kinds()
    ['blocks', 'spans', 'scale', 'places', 'tokens', 'restore', 'mean_from', 'mean_of']
)");
  m.def(
      "sweep_conditions",
      [](const MassiveProfile& profile,
         const std::string& kind,
         std::int64_t top,
         const std::optional<Value>& value,
         const std::vector<double>& factors,
         const std::vector<std::int64_t>& after,
         const Means& means) {
        SweepOptions options{
            .kind = kind,
            .top = top,
            .factors = factors,
            .after = after,
            .means = means};
        read_value(value, options);
        return sweep_conditions(profile, options);
      },
      py::arg("profile"),
      py::arg("kind"),
      py::kw_only(),
      py::arg("top") = SweepOptions{}.top,
      py::arg("value") = py::none(),
      py::arg("factors") = std::vector<double>(),
      py::arg("after") = std::vector<std::int64_t>(),
      py::arg("means") = Means(),
      R"(Conditions for `run_ablation` along one line: the original, then one for each block, factor, token or mean.

Args:
    profile: What `find_massive` found.
    kind: "blocks" (the edit after each block), "spans" (after the first massive block, after it and all that follow,
        after all), "scale" (times each factor), "places" (massive entries at the start, elsewhere, both), "tokens" (the
        entry, its token, its dim at all and at all other tokens), "restore" (set, and put back after a later block),
        "mean_from" (means over numbers of sequences), "mean_of" (the mean at its position, the mean at all others).
    top: The strongest so many massive entries of their token are edited; 0 for all that were found.
    value: blocks, spans, places, restore: a number or "mean"; 0 unless given.
    factors: scale; 0 to 2 in quarters unless given.
    after: restore: blocks from the edit to the restoration; all unless given.
    means: mean_from: what `calibration_means` returns.

Raises:
    UnknownNameError: When there is no such kind.
    ConfigError: When an option is not of the kind.

Example:
    >>> sequences = torch.arange(64).view(4, 16)
    >>> profile = ma.find_massive(model, sequences, magnitude=0.01, ratio=2, classify_tokens=False)
    >>> [condition.name for condition in ma.sweep_conditions(profile, "blocks", value=0)]
    ['original', 'block 0', 'block 1']
)");
}

void bind_composed(py::module_& m) {
  m.def(
      "with_restore",
      &with_restore,
      py::arg("edit"),
      py::arg("site"),
      R"(An edit, and one that writes back what it overwrote: each entry gets the value it had before, in the same pass.

The two belong together: give both, in this order, to one Condition, or add both as hooks.

Args:
    edit: An Intervention at one hook point.
    site: The hook point at which it is undone.

Returns:
    Both edits, a list.

Raises:
    ConfigError: When a site is a pattern.

Example:
    >>> select = ma.Selection.at([0], [3])
    >>> zero = ma.make_intervention("set_value", site="blocks.0.resid_post", select=select, value=0)
    >>> ma.with_restore(zero, "blocks.1.resid_post")[1]
    Intervention(restore at blocks.1.resid_post: positions [0] x dims [3])
)");
  m.def(
      "except_at",
      &except_at,
      py::arg("edit"),
      py::arg("positions"),
      R"(An edit that leaves the entries at some positions of each sequence as they are.

Args:
    edit: An Intervention.
    positions: Counted from the start.
)");
}

void bind_measures(py::module_& m) {
  m.def(
      "calibration_means",
      [](const BoundModel& model,
         const torch::Tensor& sequences,
         const std::vector<std::int64_t>& counts,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const SequencePassOptions options{
            .tokens_per_pass = tokens_per_pass,
            .stage = "calibration means",
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          return calibration_means(model, sequences, counts, options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::arg("counts"),
      py::kw_only(),
      py::arg("tokens_per_pass") = SequencePassOptions{}.tokens_per_pass,
      py::arg("progress") = py::none(),
      R"(The mean of the stream after each block over the first n sequences, for several n in one pass.

Args:
    model: A loaded model.
    sequences: int64 [all, length].
    counts: The numbers n.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    By n: float64 [layer, 2, d_model], the mean at the first position and at all others.

Example:
    >>> means = ma.calibration_means(model, torch.arange(64).view(4, 16), [1, 4])
    >>> means[4].shape
    torch.Size([2, 2, 32])
)");
  m.def(
      "divergence",
      [](const BoundModel& model,
         const WindowSet& windows,
         const Edits& edits,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const AblationOptions options{
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress)};
        const auto list = list_of(edits);
        return run_alone(
            model, [&] { return divergence(model, windows, list, options); });
      },
      py::arg("model"),
      py::arg("windows"),
      py::arg("edits"),
      py::kw_only(),
      py::arg("tokens_per_pass") = 0,
      py::arg("progress") = py::none(),
      R"(How far a model's predictions are, under edits, from those without.

Args:
    model: A loaded model.
    windows: Made by `make_windows`.
    edits: An Intervention or a list of them.
    tokens_per_pass: As for `perplexity`.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A PerplexityResult of the edited model with `kl_nats`, the mean of KL(original || edited) over the scored tokens,
    and `agreement`, the share of them whose most likely token is the same.

Example:
    >>> windows = ma.make_windows(list(range(64)), window=16)
    >>> select = ma.Selection.at([0], [3])
    >>> same = ma.make_intervention("scale", site="blocks.0.resid_post", select=select, factor=1)
    >>> result = ma.divergence(model, windows, same)
    >>> result.kl_nats, result.agreement
    (0.0, 1.0)
)");
}

void bind_repetition(py::module_& m) {
  py::class_<Repetition>(m, "Repetition", "How much texts repeat themselves.")
      .def_readonly(
          "repeated",
          &Repetition::repeated,
          "For n = 1 to 4: share of the n-grams that stood earlier in the same "
          "text.")
      .def_readonly("n_tokens", &Repetition::n_tokens, "Tokens of all texts.")
      .def("__repr__", [](const Repetition& self) {
        return c10::str(
            "Repetition(",
            at::ArrayRef<double>(self.repeated),
            " of ",
            self.n_tokens,
            " tokens)");
      });
  m.def(
      "repetition_of",
      &repetition_of,
      py::arg("texts"),
      R"(The repetition of texts in their tokens.

Args:
    texts: Lists of ids.

Example:
    >>> ma.repetition_of([[1, 2, 1, 2, 1]]).repeated
    [0.6, 0.5, 0.3333333333333333, 0.0]
)");
  m.def(
      "measure_repetition",
      [](const BoundModel& model,
         const std::vector<TokenIds>& prompts,
         const Edits& edits,
         std::int64_t new_tokens,
         const std::optional<py::function>& progress) {
        const RepetitionOptions options{
            .new_tokens = new_tokens, .progress = progress_fn(progress)};
        const auto list = list_of(edits);
        return run_alone(model, [&] {
          return measure_repetition(model, prompts, list, options);
        });
      },
      py::arg("model"),
      py::arg("prompts"),
      py::arg("edits") = py::tuple(),
      py::kw_only(),
      py::arg("new_tokens") = RepetitionOptions{}.new_tokens,
      py::arg("progress") = py::none(),
      R"(The repetition of what a model writes greedily after prompts, the prompts left out.

Args:
    model: A loaded model.
    prompts: Lists of ids.
    edits: An Intervention or a list of them.
    new_tokens: Of each continuation.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A Repetition.
)");
}

} // namespace

void bind_sweeps(py::module_& m) {
  bind_conditions(m);
  bind_composed(m);
  bind_repetition(m);
  bind_measures(m);
}

} // namespace ma::python
