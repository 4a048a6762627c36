// Log-likelihoods of whole texts.
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/result_arg.h"

#include "libma/eval/rolling.h"

namespace ma::python {

void bind_rolling(py::module_& m) {
  m.def(
      "rolling_log_likelihoods",
      [](const BoundModel& model,
         const std::vector<std::string>& texts,
         const std::vector<Intervention>& edits,
         const std::string& profile,
         std::int64_t max_length,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& on_text,
         const std::optional<py::function>& progress) {
        const auto bos = parse_bos_profile(profile, "profile");
        RollingOptions options{
            .max_length = max_length,
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress)};
        if (const auto fn = result_fn<double>(on_text)) {
          options.on_text = fn;
        }
        return run_alone(model, [&] {
          return rolling_log_likelihoods(model, texts, edits, bos, options);
        });
      },
      py::arg("model"),
      py::arg("texts"),
      py::kw_only(),
      py::arg("edits") = py::tuple(),
      py::arg("profile") = "lm-eval-current",
      py::arg("max_length") = 0,
      py::arg("tokens_per_pass") = 0,
      py::arg("on_text") = py::none(),
      py::arg("progress") = py::none(),
      R"(log p(text) of each text by itself, in nats, in the windows of protocol lm-eval-rolling.

Args:
    model: A loaded model.
    texts: Strings.
    edits: Interventions that are active; positions count from the start of each window.
    profile: Of BOS: 'lm-eval-2023', 'lm-eval-current' or 'bos'.
    max_length: Tokens of a window; 0: the model's positions.
    tokens_per_pass: Bounds the memory; 0: 512 on the CPU, 16,384 elsewhere.
    on_text: Called as `on_text(index, log_likelihood)` once a text is complete.
    progress: Called as `progress(stage, done, total)`, windows being counted.

Returns:
    One number for each text; 0 for one without tokens.

Raises:
    ConfigError: When the profile names no prefix token.
)");
}

} // namespace ma::python
