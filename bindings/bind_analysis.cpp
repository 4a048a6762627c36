// Finding massive activations, and the profile of what was found.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"

#include "libma/analysis/massive_tables.h"
#include "libma/eval/calibration.h"
#include "libma/eval/find_massive.h"

namespace ma::python {
namespace {

void bind_layer(py::module_& m) {
  py::class_<LayerMagnitudes>(
      m, "LayerMagnitudes", "The stream after one block, over all sequences.")
      .def_readonly("layer", &LayerMagnitudes::layer, "0-based block.")
      .def_readonly(
          "top",
          &LayerMagnitudes::top,
          "Mean over sequences of the five largest magnitudes.")
      .def_readonly(
          "top_std",
          &LayerMagnitudes::top_std,
          "Their standard deviations (n - 1).")
      .def_readonly(
          "top_1_percent",
          &LayerMagnitudes::top_1_percent,
          "Mean over sequences of the magnitude that the largest 1 % reach.")
      .def_readonly(
          "top_10_percent",
          &LayerMagnitudes::top_10_percent,
          "The same for the largest 10 %.")
      .def_readonly(
          "median",
          &LayerMagnitudes::median,
          "Mean over sequences of the median magnitude.")
      .def_readonly(
          "median_std",
          &LayerMagnitudes::median_std,
          "Its standard deviation (n - 1).")
      .def_readonly(
          "max_over_median",
          &LayerMagnitudes::max_over_median,
          "Mean over sequences of top / median.")
      .def_readonly(
          "massive_share",
          &LayerMagnitudes::massive_share,
          "Share of sequences with a massive entry.")
      .def("__repr__", [](const LayerMagnitudes& self) {
        return c10::str(
            "LayerMagnitudes(layer=",
            self.layer,
            ", top=",
            self.top[0],
            ", median=",
            self.median,
            ")");
      });
}

void bind_site_of_profile(py::module_& m) {
  py::class_<MassiveSite>(
      m, "MassiveSite", "A feature dim that is massive at one class of tokens.")
      .def_readonly("dim", &MassiveSite::dim, "Feature dimension.")
      .def_property_readonly(
          "token_class",
          [](const MassiveSite& self) {
            return std::string(token_class_name(self.token_class));
          },
          "\"start\", \"strong_delimiter\", \"delimiter\", \"weak_word\" or "
          "\"word\".")
      .def_readonly(
          "first_layer",
          &MassiveSite::first_layer,
          "0-based, first block after which it is massive.")
      .def_readonly(
          "last_layer", &MassiveSite::last_layer, "0-based, last such block.")
      .def_readonly(
          "peak_layer",
          &MassiveSite::peak_layer,
          "0-based, such block of the largest mean magnitude.")
      .def_readonly(
          "mean",
          &MassiveSite::mean,
          "Signed value over its hits after the peak block.")
      .def_readonly("std", &MassiveSite::std, "Its standard deviation (n - 1).")
      .def_readonly("min", &MassiveSite::min, "Smallest signed value.")
      .def_readonly("max", &MassiveSite::max, "Largest signed value.")
      .def_readonly(
          "max_over_median",
          &MassiveSite::max_over_median,
          "Mean over hits of magnitude / median.")
      .def_readonly("count", &MassiveSite::count, "Hits.")
      .def_readonly(
          "sequence_share",
          &MassiveSite::sequence_share,
          "Share of sequences in which it is massive.")
      .def_readonly(
          "tokens",
          &MassiveSite::tokens,
          "Up to five commonest token texts at its hits.")
      .def_readonly("token_ids", &MassiveSite::token_ids, "Their ids.")
      .def("__repr__", [](const MassiveSite& self) {
        return "MassiveSite(" + describe(self) + ")";
      });
}

void bind_profile(py::module_& m) {
  py::class_<MassiveProfile>(m, "MassiveProfile", R"(Result of `find_massive`.

Example:
    >>> profile = ma.find_massive(model, torch.arange(64).view(4, 16), classify_tokens=False)
    >>> profile.meets_criterion, len(profile.layers)
    (False, 2)
)")
      .def_readonly(
          "sites", &MassiveProfile::sites, "Largest mean magnitude first.")
      .def_readonly(
          "layers", &MassiveProfile::layers, "One LayerMagnitudes per block.")
      .def_readonly(
          "n_sequences", &MassiveProfile::n_sequences, "Sequences looked at.")
      .def_readonly(
          "length",
          &MassiveProfile::length,
          "Real tokens of the longest sequence.")
      .def_property_readonly(
          "magnitude",
          [](const MassiveProfile& self) { return self.criterion.magnitude; },
          "Absolute threshold.")
      .def_property_readonly(
          "ratio",
          [](const MassiveProfile& self) { return self.criterion.ratio; },
          "Threshold in medians.")
      .def_readonly(
          "edit_layer",
          &MassiveProfile::edit_layer,
          "0-based block to edit at.")
      .def_readonly(
          "meets_criterion",
          &MassiveProfile::meets_criterion,
          "False: nothing is massive; the site is the one of the largest max / "
          "median.")
      .def_readonly(
          "means",
          &MassiveProfile::means,
          "float64 [layer, n + 1, d_model]: mean at each of the n positions "
          "of their own (the start; class token and registers), and at all "
          "others.")
      .def_readonly(
          "hit_means",
          &MassiveProfile::hit_means,
          "As means, over the hits alone where there are any.")
      .def(
          "top",
          &MassiveProfile::top,
          py::arg("count") = 1,
          "Selection of at most `count` first sites at the starting token, as "
          "positions x dims; 0 for all.")
      .def(
          "massive",
          &MassiveProfile::massive,
          "Selection of whatever meets the criterion at the dims of all sites.")
      .def(
          "means_for",
          &MassiveProfile::means_for,
          py::arg("selection"),
          "The means [layer, n + 1, d_model] with which set_value leaves a "
          "selection as it is on average.")
      .def("table", &sites_table, "One row per site, a Table.")
      .def("layers_table", &layers_table, "One row per block, a Table.")
      .def(
          "to_pandas",
          [](const MassiveProfile& self) {
            return py::cast(sites_table(self)).attr("to_pandas")();
          },
          "One row per site, a pandas.DataFrame. Needs pandas.")
      .def("__repr__", [](const MassiveProfile& self) {
        return c10::str(
            "MassiveProfile(",
            self.sites.size(),
            " sites, ",
            self.n_sequences,
            " sequences of ",
            self.length,
            " tokens, meets_criterion=",
            self.meets_criterion ? "True" : "False",
            ", edit_layer=",
            self.edit_layer,
            ")\n",
            sites_table(self).to_text());
      });
}

using Sequences = std::variant<torch::Tensor, std::vector<std::string>>;

MassiveProfile find(
    const BoundModel& model,
    const Sequences& sequences,
    double magnitude,
    double ratio,
    std::int64_t tokens_per_pass,
    bool classify_tokens,
    const std::optional<py::function>& progress) {
  const FindOptions options = {
      .magnitude = magnitude,
      .ratio = ratio,
      .tokens_per_pass = tokens_per_pass,
      .classify_tokens = classify_tokens,
      .progress = progress_fn(progress)};
  return run_alone(model, [&] {
    if (const auto* texts = std::get_if<std::vector<std::string>>(&sequences)) {
      return find_massive(
          model, cut_sequences(model.tokenizer(), *texts), options);
    }
    return find_massive(model, std::get<torch::Tensor>(sequences), options);
  });
}

} // namespace

void bind_analysis(py::module_& m) {
  bind_layer(m);
  bind_site_of_profile(m);
  bind_profile(m);
  m.def(
      "cut_sequences",
      [](const Tokenizer& tokenizer,
         const std::vector<std::string>& texts,
         std::int64_t sequences,
         std::int64_t length,
         bool add_bos,
         const std::string& mode) {
        return cut_sequences(
            tokenizer,
            texts,
            {.sequences = sequences,
             .length = length,
             .add_bos = add_bos,
             .mode = parse_cut_mode(mode, "cut_sequences")});
      },
      py::arg("tokenizer"),
      py::arg("texts"),
      py::kw_only(),
      py::arg("sequences") = CutOptions{}.sequences,
      py::arg("length") = CutOptions{}.length,
      py::arg("add_bos") = CutOptions{}.add_bos,
      py::arg("mode") = std::string(cut_mode_name(CutOptions{}.mode)),
      R"(Calibration sequences of `texts`: int64 [sequences, length].

Args:
    tokenizer: A model's tokenizer.
    texts: Strings, used in order; nothing is drawn at random.
    sequences: How many.
    length: Tokens of each, a BOS included.
    add_bos: Put the tokenizer's BOS in front of each.
    mode: "joined" (texts joined by blank lines and cut into chunks) or "documents" (the beginning of each text).

Raises:
    ConfigError: When the texts are too short.

Example:
    >>> ma.cut_sequences(model.tokenizer, ["One two three four five six."] * 9, sequences=2, length=8).shape
    torch.Size([2, 8])
)");
  m.def(
      "find_massive",
      &find,
      py::arg("model"),
      py::arg("sequences"),
      py::kw_only(),
      py::arg("magnitude") = FindOptions{}.magnitude,
      py::arg("ratio") = FindOptions{}.ratio,
      py::arg("tokens_per_pass") = FindOptions{}.tokens_per_pass,
      py::arg("classify_tokens") = FindOptions{}.classify_tokens,
      py::arg("progress") = py::none(),
      R"(Finds the massive activations of `model`: entries x of the stream after a block with
|x| > magnitude and |x| > ratio * median(|x|).

Args:
    model: With the hooks that it has.
    sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default, 32 of 512 tokens.
    magnitude: Absolute threshold, activation units.
    ratio: Times the median magnitude of the sequence's hidden state.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    classify_tokens: False for a model without a tokenizer: only starts are told apart.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A MassiveProfile.

Example:
    >>> profile = ma.find_massive(model, torch.arange(64).view(4, 16), magnitude=2, ratio=4, classify_tokens=False)
    >>> profile.n_sequences
    4
)");
}

} // namespace ma::python
