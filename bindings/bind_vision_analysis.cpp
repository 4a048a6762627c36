// What the tokens of images look like: norms, the class token's attention,
// register means.
#include <filesystem>
#include <tuple>
#include <vector>

#include "bindings/bindings.h"
#include <pybind11/stl/filesystem.h>

#include "libma/analysis/token_norm_tables.h"
#include "libma/eval/measure_tokens.h"
#include "libma/eval/register_means_file.h"

namespace ma::python {
namespace {

void bind_parts_of_norms(py::module_& m) {
  py::class_<RunningStats>(m, "NormStats", "Norms of one kind of token.")
      .def_readonly("count", &RunningStats::count, "Tokens.")
      .def_readonly("mean", &RunningStats::mean, "Mean norm.")
      .def_property_readonly(
          "std", &RunningStats::std, "Standard deviation, with n - 1.")
      .def_readonly("min", &RunningStats::min, "Least norm.")
      .def_readonly("max", &RunningStats::max, "Largest norm.");
  py::class_<Valley>(
      m, "Valley", "Where the norms of patches part into two modes.")
      .def_readonly("low_mode", &Valley::low_mode, "Centre of the mode below.")
      .def_readonly("at", &Valley::at, "The lowest place between the modes.")
      .def_readonly(
          "high_mode", &Valley::high_mode, "Centre of the mode above.")
      .def_readonly("above", &Valley::above, "Patches above the valley.");
  py::class_<HighNormCount>(
      m, "HighNormCount", "Patches of high norm by one rule.")
      .def_readonly("patches", &HighNormCount::patches, "How many.")
      .def_readonly(
          "images", &HighNormCount::images, "Images with at least one.");
}

void bind_block_norms(py::module_& m) {
  py::class_<BlockNorms>(m, "BlockNorms", R"(The tokens after one block.

Example:
    >>> block = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16)).norms.layers[1]
    >>> block.kinds[-1].count, block.above_threshold.patches  # 4 images of 16 patches
    (64, 0)
)")
      .def_readonly("kinds", &BlockNorms::kinds, "NormStats by kind of token.")
      .def_property_readonly(
          "bimodality",
          [](const BlockNorms& self) { return self.log_moments.bimodality(); },
          "Sarle's coefficient of the logarithms of the patches' norms: 5/9 "
          "for a uniform distribution, 1/3 for a normal one, 1 for two points.")
      .def_property_readonly(
          "skewness",
          [](const BlockNorms& self) { return self.log_moments.skewness(); },
          "Sample skewness of those logarithms, corrected for bias.")
      .def_property_readonly(
          "excess_kurtosis",
          [](const BlockNorms& self) {
            return self.log_moments.excess_kurtosis();
          },
          "Their sample excess kurtosis, corrected for bias.")
      .def_property_readonly(
          "valley",
          [](const BlockNorms& self) { return self.histogram.valley(); },
          "The Valley between two clear modes, or None.")
      .def_readonly(
          "above_threshold",
          &BlockNorms::above_threshold,
          "Patches whose norm is above the threshold.")
      .def_readonly(
          "above_ratio",
          &BlockNorms::above_ratio,
          "Patches whose norm is above `ratio` times the median of their "
          "image's patches.")
      .def(
          "histogram",
          [](const BlockNorms& self, std::int64_t per_octave) {
            std::vector<std::tuple<double, double, std::int64_t>> bins;
            for (const LogBin& bin : self.histogram.bins(per_octave)) {
              bins.emplace_back(bin.from, bin.to, bin.count);
            }
            return bins;
          },
          py::arg("per_octave") = 8,
          "Bins (from, to, patches) of the patches' norms, `per_octave` (1, 2, "
          "4 ... 32) between x and 2 x; norms of 0 are in none.");
}

void bind_norms(py::module_& m) {
  py::class_<TokenNorms>(
      m, "TokenNorms", R"(L2 norms of an image's tokens after each block.

Example:
    >>> norms = ma.measure_tokens(vision_model, torch.rand(4, 3, 16, 16)).norms
    >>> norms.kinds, norms.n_images, len(norms.layers)
    (['cls', 'patch'], 4, 2)
)")
      .def_readonly(
          "kinds", &TokenNorms::kinds, "'cls', 'register:0', ..., 'patch'.")
      .def_readonly("n_images", &TokenNorms::n_images, "Images.")
      .def_readonly("layers", &TokenNorms::layers, "A BlockNorms each.")
      .def("table", &token_norms_table, "One row a block and kind of token.")
      .def(
          "patch_table",
          &patch_norms_table,
          "One row a block: bimodality, valley, patches of high norm.")
      .def(
          "histogram_table",
          &norm_histogram_table,
          py::arg("per_octave") = 8,
          "One row a block and bin.")
      .def("__repr__", [](const TokenNorms& self) {
        return token_norms_table(self).to_text();
      });
}

void bind_attention(py::module_& m) {
  py::class_<ClsAttention>(
      m, "ClsAttention", R"(Where the class token looks, on average over images.

Example:
    >>> attention = ma.cls_attention(vision_model, torch.rand(4, 3, 16, 16), layers=[1])
    >>> attention.shares.shape, attention.kinds  # [layer, head, kind]
    (torch.Size([1, 4, 2]), ['cls', 'patch'])
)")
      .def_readonly(
          "kinds", &ClsAttention::kinds, "'cls', 'register:0', ..., 'patch'.")
      .def_readonly("layers", &ClsAttention::layers, "Blocks, 0-based.")
      .def_readonly("n_images", &ClsAttention::n_images, "Images.")
      .def_readonly(
          "shares",
          &ClsAttention::shares,
          "float64 [layer, head, kind]: that of all patches summed; each row "
          "sums to 1.")
      .def_readonly(
          "per_patch",
          &ClsAttention::per_patch,
          "float64 [layer, head]: mean share of a single patch.")
      .def(
          "table",
          &cls_attention_table,
          py::kw_only(),
          py::arg("by_head") = false,
          "One row a block, means over heads; or a block and head.")
      .def("__repr__", [](const ClsAttention& self) {
        return cls_attention_table(self).to_text();
      });
}

void bind_register_summary(py::module_& m) {
  py::class_<RegisterEntry>(m, "RegisterEntry", "An entry of register means.")
      .def_readonly(
          "register_index", &RegisterEntry::register_index, "0-based.")
      .def_readonly("dim", &RegisterEntry::dim, "0-based.")
      .def_readonly("value", &RegisterEntry::value, "Signed.")
      .def("__repr__", [](const RegisterEntry& self) {
        return c10::str(
            "RegisterEntry(register:",
            self.register_index,
            ", dim ",
            self.dim,
            ", ",
            self.value,
            ")");
      });
  py::class_<RegisterSummary>(
      m, "RegisterSummary", "Register means before one block.")
      .def_readonly("layer", &RegisterSummary::layer, "The block, 0-based.")
      .def_readonly(
          "top", &RegisterSummary::top, "RegisterEntry, largest first.")
      .def_readonly(
          "median",
          &RegisterSummary::median,
          "torch.median of the magnitudes of all registers and dims.")
      .def_readonly(
          "max_over_median",
          &RegisterSummary::max_over_median,
          "Largest magnitude / median.")
      .def_readonly(
          "meets_criterion",
          &RegisterSummary::meets_criterion,
          "Whether the largest entry is massive.");
}

void bind_register_means(py::module_& m) {
  const MassiveCriterion criterion;
  py::class_<RegisterMeans>(
      m,
      "RegisterMeans",
      R"(Register tokens on average over images, at the input of each block.

Args:
    means: float [layer, register, d_model], row L at the input of block L (0-based).
    n_images: Images they are of; 0 when that is not known.

Example:
    >>> means = ma.RegisterMeans(torch.tensor([[[1.0, -2.0, 900.0]]]))
    >>> means.summary(top=1)[0].top
    [RegisterEntry(register:0, dim 2, 900)]
)")
      .def(
          py::init([](const torch::Tensor& means, std::int64_t n_images) {
            RegisterMeans made{means.to(torch::kFloat32), n_images};
            summarize(made, {}, 1); // checks the shape
            return made;
          }),
          py::arg("means"),
          py::arg("n_images") = 0)
      .def_readonly(
          "means", &RegisterMeans::means, "float32 [layer, register, d_model].")
      .def_readonly(
          "n_images", &RegisterMeans::n_images, "Images; 0: not known.")
      .def_static(
          "load",
          &load_register_means,
          py::arg("path"),
          "Reads what `save` wrote; `load_register_means` reads other files "
          "too.")
      .def(
          "save",
          [](const RegisterMeans& self, const std::filesystem::path& path) {
            save_register_means(path, self);
          },
          py::arg("path"),
          "Writes the tensor `register_means` to a safetensors file.")
      .def(
          "summary",
          [](const RegisterMeans& self,
             double magnitude,
             double ratio,
             std::int64_t top) {
            return summarize(self, {magnitude, ratio}, top);
          },
          py::kw_only(),
          py::arg("magnitude") = criterion.magnitude,
          py::arg("ratio") = criterion.ratio,
          py::arg("top") = 3,
          "The largest entries before each block, a RegisterSummary each.")
      .def(
          "table",
          [](const RegisterMeans& self,
             double magnitude,
             double ratio,
             std::int64_t top) {
            return register_means_table(self, {magnitude, ratio}, top);
          },
          py::kw_only(),
          py::arg("magnitude") = criterion.magnitude,
          py::arg("ratio") = criterion.ratio,
          py::arg("top") = 3,
          "The same as a Table.")
      .def("__repr__", [](const RegisterMeans& self) {
        return c10::str(
            "RegisterMeans(",
            self.means.sizes(),
            ", n_images=",
            self.n_images,
            ")");
      });
}

void bind_measurements(py::module_& m) {
  py::class_<TokenMeasurements>(
      m, "TokenMeasurements", "What `measure_tokens` found.")
      .def_readonly("n_images", &TokenMeasurements::n_images, "Images.")
      .def_readonly("norms", &TokenMeasurements::norms, "TokenNorms, or None.")
      .def_readonly(
          "cls_attention",
          &TokenMeasurements::cls_attention,
          "ClsAttention, or None.")
      .def_readonly(
          "register_means",
          &TokenMeasurements::register_means,
          "RegisterMeans, or None.");
}

} // namespace

void bind_vision_analysis(py::module_& m) {
  bind_parts_of_norms(m);
  bind_block_norms(m);
  bind_norms(m);
  bind_attention(m);
  bind_register_summary(m);
  bind_register_means(m);
  bind_measurements(m);
}

} // namespace ma::python
