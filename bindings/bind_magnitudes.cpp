// measure_magnitudes and what it returns; surfaces of prompts.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/topics.h"

#include "libma/analysis/magnitude_arrays.h"
#include "libma/analysis/magnitude_tables.h"
#include "libma/eval/calibration.h"
#include "libma/eval/magnitude_surface.h"
#include "libma/eval/measure_magnitudes.h"

namespace ma::python {
namespace {

using Sequences = std::variant<torch::Tensor, std::vector<std::string>>;

void bind_emergence(py::module_& m) {
  py::class_<EmergenceCurve>(
      m,
      "EmergenceCurve",
      "A value over the blocks, and which block writes it.")
      .def_readonly(
          "name",
          &EmergenceCurve::name,
          "\"largest\", or the dim and token class of a site.")
      .def_readonly(
          "values",
          &EmergenceCurve::values,
          "Before block 0, then after each block; mean over sequences, signed "
          "where it is a site's.")
      .def_property_readonly(
          "kind",
          [](const EmergenceCurve& self) -> std::optional<std::string> {
            return self.emergence ? std::optional(
                                        std::string(emergence_kind_name(
                                            self.emergence->kind)))
                                  : std::nullopt;
          },
          "\"rapid\" (one block writes 80 % of the plateau), \"several\" "
          "(two), \"gradual\" (more); None when a value is not finite.")
      .def_property_readonly(
          "plateau",
          [](const EmergenceCurve& self) -> std::optional<double> {
            return self.emergence ? std::optional(self.emergence->plateau)
                                  : std::nullopt;
          },
          "Median of the values at least half as large as the largest.")
      .def_property_readonly(
          "writers",
          [](const EmergenceCurve& self) {
            return self.emergence ? self.emergence->writers
                                  : std::vector<std::int64_t>{};
          },
          "The fewest blocks (0-based; -1: the embedding) that write 80 % of "
          "the plateau, the one that writes most first.")
      .def_property_readonly(
          "writer_share",
          [](const EmergenceCurve& self) -> std::optional<double> {
            return self.emergence ? std::optional(self.emergence->writer_share)
                                  : std::nullopt;
          },
          "Share of the plateau that the first of them writes.")
      .def_property_readonly(
          "eraser",
          [](const EmergenceCurve& self) -> std::optional<std::int64_t> {
            return self.emergence && self.emergence->eraser >= 0
                       ? std::optional(self.emergence->eraser)
                       : std::nullopt;
          },
          "Block (0-based) of the largest fall; None when it stays to the "
          "end.")
      .def("__repr__", [](const EmergenceCurve& self) {
        return c10::str("EmergenceCurve('", self.name, "')");
      });
}

void bind_result(py::module_& m) {
  py::class_<Magnitudes>(m, "Magnitudes", R"(What `measure_magnitudes` found.

Streams are the one before block 0, then that after each block.

Example:
    >>> found = ma.measure_magnitudes(model, torch.arange(64).view(4, 16), classify_tokens=False)
    >>> found.arrays["top"].shape, len(found.table())  # [stream, 5]
    (torch.Size([3, 5]), 3)
)")
      .def_readonly(
          "profile",
          &Magnitudes::profile,
          "What `find_massive` finds in the same passes.")
      .def_property_readonly(
          "peak_layer",
          &Magnitudes::peak_layer,
          "0-based block after which the strongest site is largest.")
      .def_property_readonly(
          "arrays",
          &magnitude_arrays,
          "All numbers by name, tensors: `top` [stream, 5], `median` [stream], "
          "`class_means` [stream, class, d_model] and others; `_std` behind a "
          "name is its standard deviation over sequences.")
      .def_property_readonly(
          "outlier_features",
          [](const Magnitudes& self) {
            std::vector<std::int64_t> dims;
            for (const OutlierFeature& feature :
                 outlier_features(self.outlier_counts, self.options.outliers)) {
              if (feature.meets_rule) {
                dims.push_back(feature.dim);
              }
            }
            return dims;
          },
          "Dims that are outlier features (Dettmers et al. 2022).")
      .def_property_readonly(
          "emergence",
          &emergence_curves,
          "EmergenceCurve of the largest magnitude, and of each site at the "
          "start or the first strong delimiter.")
      .def(
          "table",
          &stream_table,
          py::arg("top") = 3,
          "One row a stream: `top` largest magnitudes, what the largest 1 % "
          "and 10 % reach, median, with standard deviations.")
      .def(
          "largest_table",
          &largest_table,
          "One row a stream: the five largest (the paper's Table 1).")
      .def(
          "constancy_table",
          [](const Magnitudes& self, std::optional<std::int64_t> layer) {
            return constancy_table(self, layer.value_or(self.peak_layer()));
          },
          py::arg("layer") = py::none(),
          "Spread of signed values at fixed places after block `layer` "
          "(0-based; None: the peak): the paper's Table 2.")
      .def("locations_table", &locations_table, "One row a site.")
      .def(
          "outlier_features_table",
          &outlier_features_table,
          py::arg("most") = 0,
          "One row a massive dim, then one an outlier feature that is not "
          "massive: the `most` of the most positions, or all when it is 0.")
      .def(
          "emergence_table",
          &emergence_table,
          "One row a curve: which block writes it and which erases it.")
      .def(
          "continuous_table",
          &continuous_table,
          "One row a stream: metrics without threshold.")
      .def("__repr__", [](const Magnitudes& self) {
        return c10::str(
            "Magnitudes(",
            self.profile.n_sequences,
            " sequences of ",
            self.profile.length,
            " tokens)\n",
            stream_table(self).to_text());
      });
}

void bind_measure(py::module_& m) {
  const MagnitudeOptions defaults;
  m.def(
      "measure_magnitudes",
      [](const BoundModel& model,
         const Sequences& sequences,
         bool detail,
         double magnitude,
         double ratio,
         double outlier_magnitude,
         double outlier_layers,
         double outlier_positions,
         std::int64_t tokens_per_pass,
         bool classify_tokens,
         const std::optional<py::function>& progress) {
        const MeasureMagnitudesOptions options = {
            .magnitudes =
                {.criterion = {magnitude, ratio},
                 .outliers =
                     {outlier_magnitude, outlier_layers, outlier_positions},
                 .detail = detail},
            .tokens_per_pass = tokens_per_pass,
            .classify_tokens = classify_tokens,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          const auto* texts = std::get_if<std::vector<std::string>>(&sequences);
          return measure_magnitudes(
              model,
              texts != nullptr ? cut_sequences(model.tokenizer(), *texts)
                               : std::get<torch::Tensor>(sequences),
              options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::kw_only(),
      py::arg("detail") = defaults.detail,
      py::arg("magnitude") = defaults.criterion.magnitude,
      py::arg("ratio") = defaults.criterion.ratio,
      py::arg("outlier_magnitude") = defaults.outliers.magnitude,
      py::arg("outlier_layers") = defaults.outliers.layer_share,
      py::arg("outlier_positions") = defaults.outliers.position_share,
      py::arg("tokens_per_pass") = MeasureMagnitudesOptions{}.tokens_per_pass,
      py::arg("classify_tokens") = MeasureMagnitudesOptions{}.classify_tokens,
      py::arg("progress") = py::none(),
      R"(How large activations are before block 0 and after each block, where, and how constant.

Args:
    model: With the hooks that it has.
    sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default, 32 of 512 tokens.
    detail: Kurtosis and INT8 errors too, which read each stream three times more.
    magnitude: An entry x is massive when |x| is above it, and
    ratio: above so many times the median magnitude of the sequence's hidden state.
    outlier_magnitude: A dim is an outlier feature when |x| reaches it
    outlier_layers: after this share of the blocks
    outlier_positions: and at this share of all positions.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    classify_tokens: False for a model without a tokenizer: only starts are told apart.
    progress: Called as `progress(stage, done, total)`.

Returns:
    Magnitudes.

Example:
    >>> found = ma.measure_magnitudes(model, torch.arange(64).view(4, 16), detail=True, classify_tokens=False)
    >>> found.arrays["kurtosis"].shape
    torch.Size([3])
)");
}

void bind_surface(py::module_& m) {
  py::class_<MagnitudeSurface>(
      m, "MagnitudeSurface", R"(The streams of one prompt over tokens and dims.

Example:
    >>> surface = ma.magnitude_surface(model, "the rain", layers=[-1, 0, 1])
    >>> surface.values.shape == (3, len(surface.tokens), 32)  # [layer, pos, d_model]
    True
)")
      .def_readonly("prompt", &MagnitudeSurface::prompt, "The text.")
      .def_readonly(
          "has_bos", &MagnitudeSurface::has_bos, "Whether a BOS is in front.")
      .def_readonly("ids", &MagnitudeSurface::ids, "Token ids.")
      .def_readonly("tokens", &MagnitudeSurface::tokens, "Their texts.")
      .def_readonly(
          "layers",
          &MagnitudeSurface::layers,
          "0-based blocks; -1: before block 0.")
      .def_readonly(
          "values",
          &MagnitudeSurface::values,
          "float [layer, pos, d_model] on the CPU, signed.")
      .def_readonly(
          "medians",
          &MagnitudeSurface::medians,
          "Median magnitude of each layer.")
      .def(
          "table",
          [](const MagnitudeSurface& self,
             std::int64_t top,
             double magnitude,
             double ratio) {
            return features_table(self, top, {magnitude, ratio});
          },
          py::arg("top") = 3,
          py::kw_only(),
          py::arg("magnitude") = MassiveCriterion{}.magnitude,
          py::arg("ratio") = MassiveCriterion{}.ratio,
          "One row a layer, token and dim: the `top` largest dims of each "
          "token.")
      .def("__repr__", [](const MagnitudeSurface& self) {
        return c10::str(
            "MagnitudeSurface(",
            self.tokens.size(),
            " tokens, layers ",
            self.layers,
            ")");
      });
  m.def(
      "magnitude_surface",
      [](const BoundModel& model,
         const std::string& prompt,
         const std::vector<std::int64_t>& layers,
         bool add_bos) {
        return run_alone(model, [&] {
          return magnitude_surface(model, prompt, layers, add_bos);
        });
      },
      py::arg("model"),
      py::arg("prompt"),
      py::arg("layers"),
      py::kw_only(),
      py::arg("add_bos") = false,
      R"(The streams of a prompt after some blocks, in one pass (Sun et al. 2024, Figures 1 to 3).

Args:
    model: With the hooks that it has.
    prompt: A text.
    layers: Blocks, 0-based; -1 is the stream before block 0.
    add_bos: Put the tokenizer's BOS in front.

Returns:
    A MagnitudeSurface.

Example:
    >>> ma.magnitude_surface(model, "the rain", [1]).layers
    [1]
)");
}

} // namespace

void bind_magnitudes(py::module_& m) {
  bind_emergence(m);
  bind_result(m);
  bind_measure(m);
  bind_surface(m);
}

} // namespace ma::python
