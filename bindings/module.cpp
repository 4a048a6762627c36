// The extension module libma._C: the C++ API under the same names. Nothing here
// computes.
#include "bindings/topics.h"

#include "libma/models/vision_model.h"

PYBIND11_MODULE(_C, m) {
  using namespace ma::python; // NOLINT(google-build-using-namespace)
  py::module_::import(
      "torch"); // its Python types must be there before a tensor crosses
  m.doc() = "The compiled part of libma; `import libma` brings its names.";
  py::class_<BoundModel> model(
      m,
      "Model",
      R"(A loaded network with its tokenizer and hooks; `load_model` makes one.

Passes run without autograd and without the GIL. Threads may share a model: they take turns.

Example:
    >>> model
    Model('llama', n_layers=2, d_model=32, vocab=264, dtype=float32, device=cpu)
)");
  py::class_<BoundVisionModel> vision_model(
      m,
      "VisionModel",
      R"(A loaded vision transformer with its hooks; `load_vision_model` makes one.

Images go in; passes run without autograd and without the GIL. Hooks are those of a Model.

Example:
    >>> vision_model
    VisionModel('vit', n_layers=2, d_model=32, patch=4x4, image=16x16, dtype=float32, device=cpu)
)");
  bind_errors(m);
  bind_table(m);
  bind_hooks(m);
  bind_tokenizer(m);
  bind_images(m);
  bind_interventions(m);
  bind_model(m, model);
  bind_vision(m, vision_model);
  bind_model_hooks(m, model, vision_model);
  bind_generate(m, model);
  bind_analysis(m);
  bind_comparison(m);
  bind_magnitudes(m);
  bind_attention(m);
  bind_trajectory(m);
  bind_vision_analysis(m);
  bind_measure_tokens(m);
  bind_register_neurons(m);
  bind_windows(m);
  bind_tasks(m);
  bind_zero_shot(m);
  bind_rolling(m);
  bind_ablation(m);
  bind_super_weights(m);
  bind_weight_spectra(m);
  bind_sweeps(m);
  bind_implicit_bias(m);
  bind_image_heads(m);
  bind_image_ablation(m);
  bind_experiments(m);
}
