// From the hidden state to queries, keys and values.
#include <map>
#include <optional>
#include <string>

#include "bindings/bindings.h"
#include "bindings/massive_tokens_arg.h"
#include "bindings/progress_arg.h"
#include "bindings/topics.h"

#include "libma/analysis/norm_trajectory_tables.h"
#include "libma/eval/norm_trajectory.h"

namespace ma::python {
namespace {

using Profile = std::optional<MassiveProfile>;
using Layer = std::optional<std::int64_t>;

void bind_types(py::module_& m) {
  py::class_<NormTrajectory>(
      m,
      "NormTrajectory",
      R"(One sequence on its way through a block's norm to queries, keys and values.

Example:
    >>> way = ma.norm_trajectory(model, [1, 2, 3, 4], layer=1)
    >>> sorted(way.vectors), way.vectors["with gain"].shape
    (['k', 'normalized', 'q', 'resid', 'v', 'with gain'], torch.Size([4, 32]))
)")
      .def_readonly("layer", &NormTrajectory::layer, "The block, 0-based.")
      .def_property_readonly(
          "vectors",
          [](const NormTrajectory& self) {
            std::map<std::string, torch::Tensor> vectors;
            for (std::size_t i = 0; i < kPathVectors; ++i) {
              vectors.emplace(kPathNames.at(i), self.vectors.at(i));
            }
            return vectors;
          },
          "By name: resid, normalized, with gain [pos, d_model]; q [pos, head, "
          "d_head]; k, v [pos, kv_head, d_head]; before rotary.")
      .def_readonly("massive", &NormTrajectory::massive, "bool [pos].")
      .def_readonly("ids", &NormTrajectory::ids, "int64 [pos].")
      .def_readonly("tokens", &NormTrajectory::tokens, "Their texts.")
      .def("table", &trajectory_table, "One row a token.")
      .def(
          "pairs_table",
          &trajectory_pairs_table,
          "One row a pair of massive tokens: cosines on the way.")
      .def("__repr__", [](const NormTrajectory& self) {
        return trajectory_table(self).to_text();
      });
  py::class_<TrajectoryGroups>(
      m,
      "TrajectoryGroups",
      R"(Massive and other tokens of many sequences on that way.

Example:
    >>> groups = ma.trajectory_groups(model, torch.arange(64).view(4, 16))
    >>> len(groups.table().rows), len(groups.shapes_table().rows)
    (12, 2)
)")
      .def_readonly("layer", &TrajectoryGroups::layer, "The block, 0-based.")
      .def_readonly("n_sequences", &TrajectoryGroups::n_sequences, "Sequences.")
      .def(
          "table",
          &trajectory_groups_table,
          "One row for each vector and group: mean cosine of pairs, length.")
      .def(
          "shapes_table",
          &trajectory_shapes_table,
          "One row a group: lengths of the stream, shape of the normalised "
          "vector.")
      .def("__repr__", [](const TrajectoryGroups& self) {
        return trajectory_groups_table(self).to_text();
      });
}

void bind_trajectory_of_one(py::module_& m) {
  m.def(
      "norm_trajectory",
      [](const BoundModel& model,
         const PromptArg& prompt,
         const Profile& profile,
         const Layer& layer) {
        return run_alone(model, [&] {
          const auto ids = prompt_ids(model, prompt);
          const auto tokens = massive_tokens_of(model, ids, profile);
          return norm_trajectory(model, ids, tokens, layer);
        });
      },
      py::arg("model"),
      py::arg("prompt"),
      py::arg("profile") = py::none(),
      py::kw_only(),
      py::arg("layer") = py::none(),
      R"(Follows a prompt's tokens from the stream through the norm before attention to q, k and v.

Args:
    model: With the hooks that it has.
    prompt: A text, no BOS added, or its token ids.
    profile: Says which tokens are massive, a MassiveProfile; None: found in the prompt.
    layer: Block, 0-based; None: the next one behind that after which tokens are massive.

Returns:
    A NormTrajectory.

Raises:
    ConfigError: When there is no such block, or no norm stands before its attention.

Example:
    >>> ma.norm_trajectory(model, [1, 2, 3, 4]).vectors["k"].shape
    torch.Size([4, 2, 8])
)");
}

void bind_trajectory_groups(py::module_& m) {
  m.def(
      "trajectory_groups",
      [](const BoundModel& model,
         const SequencesArg& sequences,
         const Profile& profile,
         const Layer& layer,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const TrajectoryPass options{
            .layer = layer,
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          const auto ids = sequences_of(model, sequences);
          const auto tokens = massive_tokens_of(model, ids, profile);
          return trajectory_groups(model, ids, tokens, options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::arg("profile") = py::none(),
      py::kw_only(),
      py::arg("layer") = py::none(),
      py::arg("tokens_per_pass") = TrajectoryPass{}.tokens_per_pass,
      py::arg("progress") = py::none(),
      R"(What `norm_trajectory` shows, over many sequences: massive tokens against all others.

Args:
    model: With the hooks that it has.
    sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default.
    profile: As for `norm_trajectory`; None: found in these sequences.
    layer: As for `norm_trajectory`.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    TrajectoryGroups.

Example:
    >>> groups = ma.trajectory_groups(model, torch.arange(64).view(4, 16), layer=1)
    >>> groups.layer, groups.n_sequences
    (1, 4)
)");
}

} // namespace

void bind_trajectory(py::module_& m) {
  bind_types(m);
  bind_trajectory_of_one(m);
  bind_trajectory_groups(m);
}

} // namespace ma::python
