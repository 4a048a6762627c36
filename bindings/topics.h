// One function per topic that adds its names to the module. For module.cpp
// alone: a new topic rebuilds nothing else.
#pragma once

#include "bindings/bindings.h"

namespace ma::python {

void bind_ablation(py::module_& m);
void bind_analysis(py::module_& m);
void bind_architectures(py::module_& m);
void bind_attention(py::module_& m);
void bind_comparison(py::module_& m);
void bind_errors(py::module_& m);
void bind_experiments(py::module_& m);
void bind_generate(py::module_& m, py::class_<BoundModel>& model);
void bind_hooks(py::module_& m);
void bind_image_ablation(py::module_& m);
void bind_image_heads(py::module_& m);
void bind_images(py::module_& m);
void bind_implicit_bias(py::module_& m);
void bind_implicit_bias_types(py::module_& m);
void bind_interventions(py::module_& m);
void bind_magnitudes(py::module_& m);
void bind_measure_tokens(py::module_& m);
void bind_model(py::module_& m, py::class_<BoundModel>& model);
void bind_model_hooks(
    py::module_& m,
    py::class_<BoundModel>& model,
    py::class_<BoundVisionModel>& vision_model);
void bind_register_neurons(py::module_& m);
void bind_rolling(py::module_& m);
void bind_super_weights(py::module_& m);
void bind_sweeps(py::module_& m);
void bind_table(py::module_& m);
void bind_tasks(py::module_& m);
void bind_tokenizer(py::module_& m);
void bind_trajectory(py::module_& m);
void bind_vision(py::module_& m, py::class_<BoundVisionModel>& model);
void bind_vision_analysis(py::module_& m);
void bind_vision_types(py::module_& m);
void bind_weight_spectra(py::module_& m);
void bind_windows(py::module_& m);
void bind_zero_shot(py::module_& m);

} // namespace ma::python
