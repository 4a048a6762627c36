// Text generation.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/result_arg.h"

#include "libma/eval/generate.h"

namespace ma::python {
namespace {

using Prompts = std::variant<std::vector<std::string>, std::vector<TokenIds>>;

void bind_generation(py::module_& m) {
  py::class_<Generation>(
      m, "Generation", "What a model wrote after one prompt.")
      .def_readonly(
          "ids",
          &Generation::ids,
          "New token ids, an EOS or stop string among them.")
      .def_readonly(
          "text",
          &Generation::text,
          "Their text, special tokens left out, up to the stop string.")
      .def_property_readonly(
          "reason",
          [](const Generation& self) {
            return std::string(stop_reason_name(self.reason));
          },
          "Why it ended: \"eos\", \"stop_string\" or \"length\".")
      .def_readonly(
          "is_truncated",
          &Generation::is_truncated,
          "The prompt lost tokens on its left.")
      .def("__repr__", [](const Generation& self) {
        return c10::str(
            "Generation(",
            py::repr(py::str(self.text)).cast<std::string>(),
            ", ",
            self.ids.size(),
            " tokens, reason='",
            stop_reason_name(self.reason),
            "')");
      });
}

std::vector<Generation> run(
    const BoundModel& model,
    const Prompts& prompts,
    const GenerateOptions& options) {
  return run_alone(model, [&] {
    return std::visit(
        [&](const auto& given) { return generate(model, given, options); },
        prompts);
  });
}

constexpr const char* kGenerateDoc =
    R"(What the model writes after each prompt, with its hooks active.

Args:
    prompts: Texts, or lists of token ids.
    max_new_tokens: At most so many tokens each.
    stop: Texts that end a generation and are cut off; they may span tokens.
    temperature: Divides the logits; 0: always the most likely token.
    top_k: Only the k most likely tokens; 0: all.
    top_p: Only the most likely tokens that together have this probability; 1: all.
    seed: Of sampling. Each prompt has a stream of its own, whatever batch it stands in.
    edits: Interventions that are active. Positions count from the first token of the prompt. Those that depend on the
        whole row (position -1, the largest entries, a median) make each step read its whole sequences again, so that
        the result is exact.
    use_cache: False: each step reads its whole sequences again. With a cache, hooks see the prompts and then the new
        token of each step, at `at.batch.positions`.
    profile: Of BOS, for prompts that are texts: "nobos", "bos", "lm-eval-2023" or "lm-eval-current".
    max_length: Tokens of a sequence; longer prompts are cut on their left to leave room. 0: the model's positions.
    tokens_per_pass: Bounds rows x (prompt + new tokens) of a batch; 0: 4,096 on the CPU, 16,384 elsewhere.
    on_generation: Called as `on_generation(index, generation)` with each result as it comes.
    progress: Called as `progress(stage, done, total)`, prompts being counted.

Returns:
    Generation objects, in the order of the prompts.

Raises:
    ConfigError: When an option is out of its range, or a prompt has no token.
    Error: When logits are not numbers.

Example:
    >>> [made] = model.generate(["Summer is"], max_new_tokens=5)
    >>> made.reason, len(made.ids)
    ('length', 5)
)";

} // namespace

void bind_generate(py::module_& m, py::class_<BoundModel>& model) {
  bind_generation(m);
  const GenerateOptions defaults;
  model.def(
      "generate",
      [](const BoundModel& self,
         const Prompts& prompts,
         std::int64_t max_new_tokens,
         const std::vector<std::string>& stop,
         double temperature,
         std::int64_t top_k,
         double top_p,
         std::uint64_t seed,
         const std::vector<Intervention>& edits,
         bool use_cache,
         const std::string& profile,
         std::int64_t max_length,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& on_generation,
         const std::optional<py::function>& progress) {
        return run(
            self,
            prompts,
            {.max_new_tokens = max_new_tokens,
             .stop = stop,
             .sampling = {temperature, top_k, top_p},
             .seed = seed,
             .edits = edits,
             .use_cache = use_cache,
             .max_length = max_length,
             .tokens_per_pass = tokens_per_pass,
             .profile = parse_bos_profile(profile, "profile"),
             .on_generation = result_fn<Generation>(on_generation),
             .progress = progress_fn(progress)});
      },
      py::arg("prompts"),
      py::kw_only(),
      py::arg("max_new_tokens") = defaults.max_new_tokens,
      py::arg("stop") = py::tuple(),
      py::arg("temperature") = defaults.sampling.temperature,
      py::arg("top_k") = defaults.sampling.top_k,
      py::arg("top_p") = defaults.sampling.top_p,
      py::arg("seed") = defaults.seed,
      py::arg("edits") = py::tuple(),
      py::arg("use_cache") = defaults.use_cache,
      py::arg("profile") = std::string(bos_profile_name(defaults.profile)),
      py::arg("max_length") = defaults.max_length,
      py::arg("tokens_per_pass") = defaults.tokens_per_pass,
      py::arg("on_generation") = py::none(),
      py::arg("progress") = py::none(),
      kGenerateDoc);
}

} // namespace ma::python
