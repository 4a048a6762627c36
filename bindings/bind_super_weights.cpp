// Super weights, edits without weights, and who writes an entry of the stream.
#include <array>
#include <optional>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/token_batch_arg.h"

#include "libma/core/error.h"
#include "libma/eval/find_super_weights.h"
#include "libma/eval/write_contributions.h"

namespace ma::python {
namespace {

using Progressing = std::optional<py::function>;
using Place = std::array<std::int64_t, 3>; // layer, dim, neuron

/// int64 [batch, pos], all of equal length.
const torch::Tensor& whole_rows(const TokenIds& ids) {
  if (ids.batch.mask.defined()) {
    throw ShapeError(
        "ids", "padding is not looked at; give sequences of one length");
  }
  return ids.batch.ids;
}

void bind_peak(py::module_& m) {
  py::class_<MlpPeak>(
      m,
      "MlpPeak",
      "The largest entry that a block's MLP writes in one pass, and the "
      "largest neuron at the same token.")
      .def_readonly("layer", &MlpPeak::layer, "0-based block.")
      .def_readonly("sequence", &MlpPeak::sequence, "Of those looked at.")
      .def_readonly("position", &MlpPeak::position, "In the sequence, 0-based.")
      .def_readonly("token_id", &MlpPeak::token_id, "The token there.")
      .def_readonly("dim", &MlpPeak::dim, "Of the stream.")
      .def_readonly("output", &MlpPeak::output, "Signed entry of mlp_out.")
      .def_readonly("neuron", &MlpPeak::neuron, "Of the MLP.")
      .def_readonly("input", &MlpPeak::input, "Signed entry of mlp.post.")
      .def_readonly(
          "stream",
          &MlpPeak::stream,
          "Largest |x| of the stream after the block, at any token.")
      .def_readonly(
          "is_spike",
          &MlpPeak::is_spike,
          "Whether |input| and |output| are beyond the thresholds.")
      .def("__repr__", [](const MlpPeak& self) {
        return c10::str(
            "MlpPeak(layer=",
            self.layer,
            ", dim=",
            self.dim,
            ", output=",
            self.output,
            ", neuron=",
            self.neuron,
            ", input=",
            self.input,
            ")");
      });
}

void bind_weight(py::module_& m) {
  py::class_<SuperWeight>(
      m,
      "SuperWeight",
      "An entry of blocks.{layer}.mlp.down.weight[dim, neuron] without which a "
      "spike is not.")
      .def_readonly(
          "peak",
          &SuperWeight::peak,
          "The spike, an MlpPeak, with the weights before this one gone.")
      .def_property_readonly(
          "place",
          [](const SuperWeight& self) {
            return std::tuple(self.peak.layer, self.peak.dim, self.neuron);
          },
          "(layer, dim, neuron), 0-based.")
      .def_readonly(
          "is_largest_input",
          &SuperWeight::is_largest_input,
          "Whether no neuron of that token is larger.")
      .def_readonly("input", &SuperWeight::input, "Entry of mlp.post.")
      .def_readonly("weight", &SuperWeight::weight, "The entry.")
      .def_readonly(
          "rank", &SuperWeight::rank, "By magnitude in its matrix, from 1.")
      .def_readonly(
          "contribution",
          &SuperWeight::contribution,
          "weight * input, in the units of mlp_out.")
      .def_readonly("share", &SuperWeight::share, "Of the spike's output.")
      .def_readonly(
          "stream_without",
          &SuperWeight::stream_without,
          "`peak.stream` once it is gone too.")
      .def("__repr__", [](const SuperWeight& self) {
        return c10::str(
            "SuperWeight(blocks.",
            self.peak.layer,
            ".mlp.down.weight[",
            self.peak.dim,
            ", ",
            self.neuron,
            "]: ",
            self.weight,
            ", share ",
            self.share,
            ")");
      });
  py::class_<SuperWeightSearch>(
      m, "SuperWeightSearch", "Result of `find_super_weights`.")
      .def_readonly(
          "peaks",
          &SuperWeightSearch::peaks,
          "An MlpPeak for each block, nothing removed.")
      .def_readonly(
          "weights",
          &SuperWeightSearch::weights,
          "SuperWeights in the order of their removal.")
      .def_readonly(
          "input_threshold",
          &SuperWeightSearch::input_threshold,
          "A spike's |input| is above it.")
      .def_readonly(
          "output_threshold",
          &SuperWeightSearch::output_threshold,
          "A spike's |output| is above it.")
      .def_readonly(
          "has_more",
          &SuperWeightSearch::has_more,
          "Whether the search ended at its limit with spikes left.")
      .def("table", &super_weights_table, "One row a weight, a Table.")
      .def(
          "peaks_table",
          &peaks_table,
          "One row a block of the unedited model, a Table.")
      .def("__repr__", [](const SuperWeightSearch& self) {
        return super_weights_table(self).to_text();
      });
}

void bind_writes(py::module_& m) {
  py::class_<BlockWrite>(
      m,
      "BlockWrite",
      "What a block adds to one dim of the stream at one token.")
      .def_readonly("layer", &BlockWrite::layer, "0-based block.")
      .def_readonly("before", &BlockWrite::before, "resid_pre.")
      .def_readonly("attention", &BlockWrite::attention, "attn_out.")
      .def_readonly("mlp", &BlockWrite::mlp, "mlp_out.")
      .def_readonly(
          "rest",
          &BlockWrite::rest,
          "after - before - attention - mlp: norms of the stream itself, or "
          "rounding.")
      .def_readonly("after", &BlockWrite::after, "resid_post.")
      .def_readonly(
          "step",
          &BlockWrite::step,
          "1: the magnitude steps up here, -1: down, 0: neither.");
  py::class_<NeuronWrite>(
      m, "NeuronWrite", "What a neuron adds to one dim of the stream.")
      .def_readonly("neuron", &NeuronWrite::neuron, "Of the MLP.")
      .def_readonly(
          "contribution", &NeuronWrite::contribution, "weight * post.")
      .def_readonly("share", &NeuronWrite::share, "Of what the MLP writes.")
      .def_readonly(
          "cumulative_share",
          &NeuronWrite::cumulative_share,
          "With those before it.")
      .def_readonly(
          "weight", &NeuronWrite::weight, "Entry of the down-projection.")
      .def_readonly("post", &NeuronWrite::post, "The neuron's activation.")
      .def_readonly(
          "pre", &NeuronWrite::pre, "Before the nonlinearity (the gate).")
      .def_readonly(
          "pre_linear",
          &NeuronWrite::pre_linear,
          "The other branch; NaN without gate.");
  py::class_<WriteContributions>(
      m,
      "WriteContributions",
      "Result of `write_contributions`; means over the sequences.")
      .def_readonly("layer", &WriteContributions::layer, "0-based block.")
      .def_readonly("dim", &WriteContributions::dim, "Of the stream.")
      .def_readonly(
          "positions",
          &WriteContributions::positions,
          "Of the token, in each sequence.")
      .def_readonly(
          "blocks",
          &WriteContributions::blocks,
          "A BlockWrite for each block of the model.")
      .def_readonly(
          "bias",
          &WriteContributions::bias,
          "What the bias of the down-projection adds.")
      .def_readonly(
          "neurons",
          &WriteContributions::neurons,
          "NeuronWrites of the layer, largest magnitude first.")
      .def_property_readonly(
          "contributions",
          [](const WriteContributions& self) {
            return self.contributions.defined()
                       ? std::optional(self.contributions)
                       : std::nullopt;
          },
          "float64 [d_mlp], of all neurons; None with a mixture of experts.")
      .def("table", &neuron_writes_table, "One row a neuron, a Table.")
      .def("blocks_table", &block_writes_table, "One row a block, a Table.")
      .def("__repr__", [](const WriteContributions& self) {
        return block_writes_table(self).to_text();
      });
}

void bind_find(py::module_& m) {
  m.def(
      "find_super_weights",
      [](const BoundModel& model,
         const TokenIds& sequences,
         double threshold,
         double share,
         std::int64_t max_weights,
         const Progressing& progress) {
        const SuperWeightOptions options{
            .threshold = threshold,
            .share = share,
            .max_weights = max_weights,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          return find_super_weights(model, whole_rows(sequences), options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::kw_only(),
      py::arg("threshold") = SuperWeightOptions{}.threshold,
      py::arg("share") = SuperWeightOptions{}.share,
      py::arg("max_weights") = SuperWeightOptions{}.max_weights,
      py::arg("progress") = py::none(),
      R"(Single weights of down-projections without which a massive activation is not (Yu et al. 2024).

Looks at one pass, removes a weight, and looks again, until no block has a spike: a largest |mlp_out| and, at the same token,
a largest |mlp.post| beyond the thresholds. Removed is, of the first such block, the weight that does most for that output.

Args:
    model: With the hooks that it has; loaded from files.
    sequences: Tokens [pos] or [n, pos].
    threshold: Of |mlp.post| and |mlp_out| of a spike.
    share: Of the unedited model's largest |mlp_out|: a spike's is above that too. 0: the threshold alone.
    max_weights: Removals at most.
    progress: Called as `progress(stage, done, total)`; total is 0, because the number of passes is not known.

Returns:
    A SuperWeightSearch.

Raises:
    ConfigError: For mixtures of experts.

Example:
    >>> found = ma.find_super_weights(model, [1, 2, 3, 4], threshold=0.1, share=0.5, max_weights=1)
    >>> len(found.peaks), len(found.weights)
    (2, 1)
)");
  m.def(
      "zero_weights",
      [](const BoundModel& model,
         const std::variant<SuperWeightSearch, std::vector<Place>>& weights) {
        std::vector<DownWeight> places;
        if (const auto* search = std::get_if<SuperWeightSearch>(&weights)) {
          places = places_of(*search);
        } else {
          for (const Place& place : std::get<std::vector<Place>>(weights)) {
            places.push_back({place[0], place[1], place[2]});
          }
        }
        return run_alone(model, [&] { return zero_weights(model, places); });
      },
      py::arg("model"),
      py::arg("weights"),
      R"(Edits that act as if entries of down-projections were zero; the model's parameters are not touched.

Two Interventions for each block, of no use apart: register all of them, or put all into one Condition.

Args:
    model: Loaded from files.
    weights: (layer, dim, neuron), 0-based, each: blocks.{layer}.mlp.down.weight[dim, neuron]. Or a SuperWeightSearch.

Example:
    >>> ma.Condition("zeroed", ma.zero_weights(model, [(1, 5, 7)]))
    Condition('zeroed', 2 edits)
)");
}

void bind_contributions(py::module_& m) {
  m.def(
      "write_contributions",
      [](const BoundModel& model,
         const TokenIds& sequences,
         std::int64_t layer,
         std::int64_t dim,
         std::optional<std::int64_t> position,
         std::int64_t top,
         double step_share,
         const Progressing& progress) {
        const WriteOptions options{
            .layer = layer,
            .dim = dim,
            .position = position,
            .top = top,
            .step_share = step_share,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          return write_contributions(model, whole_rows(sequences), options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::kw_only(),
      py::arg("layer"),
      py::arg("dim"),
      py::arg("position") = py::none(),
      py::arg("top") = WriteOptions{}.top,
      py::arg("step_share") = WriteOptions{}.step_share,
      py::arg("progress") = py::none(),
      R"(Who writes one dim of the stream at one token: each block's attention and MLP, and the neurons of one block.

Args:
    model: With the hooks that it has; loaded from files.
    sequences: Tokens [pos] or [n, pos]; means are over sequences.
    layer: 0-based block whose output, and whose neurons.
    dim: Of the stream.
    position: Of the token in each sequence; None: where |x| of that dim is largest after the block.
    top: Neurons to list.
    step_share: A block steps up or down when it changes the entry's magnitude by this share of its largest.
    progress: Called as `progress(stage, done, total)`.

Returns:
    WriteContributions.

Example:
    >>> found = ma.write_contributions(model, [1, 2, 3, 4], layer=1, dim=5)
    >>> abs(found.contributions.sum().item() - found.blocks[1].mlp) < 1e-4
    True
)");
}

} // namespace

void bind_super_weights(py::module_& m) {
  bind_peak(m);
  bind_weight(m);
  bind_writes(m);
  bind_find(m);
  bind_contributions(m);
}

} // namespace ma::python
