// Attention sinks and maps.
#include <optional>
#include <string>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/massive_tokens_arg.h"
#include "bindings/progress_arg.h"
#include "bindings/topics.h"

#include "libma/analysis/attention_sink_tables.h"
#include "libma/eval/measure_attention.h"

namespace ma::python {
namespace {

using Layers = std::vector<std::int64_t>;
using Profile = std::optional<MassiveProfile>;

std::optional<torch::Tensor> if_defined(const torch::Tensor& x) {
  return x.defined() ? std::optional(x) : std::nullopt;
}

void bind_sinks_type(py::module_& m) {
  py::class_<AttentionSinks>(
      m,
      "AttentionSinks",
      R"(How much attention single tokens draw; tensors are float64 [layer, head], means over sequences.

alpha_k is the mean attention on key k of the queries from k on (Gu et al. 2025).

Example:
    >>> sinks = ma.attention_sinks(model, torch.arange(64).view(4, 16), eps=[0.3], layers=[1])
    >>> sinks.sink_first.shape  # [layer, head, eps]
    torch.Size([1, 4, 1])
)")
      .def_readonly("layers", &AttentionSinks::layers, "Blocks, 0-based.")
      .def_readonly("n_sequences", &AttentionSinks::n_sequences, "Sequences.")
      .def_readonly(
          "n_massive",
          &AttentionSinks::n_massive,
          "Massive tokens in all sequences.")
      .def_property_readonly(
          "eps",
          [](const AttentionSinks& self) { return self.options.eps; },
          "A key is a sink of a head when alpha_k > eps.")
      .def_readonly(
          "first",
          &AttentionSinks::first,
          "alpha of the first token: the mean attention on it.")
      .def_readonly(
          "massive",
          &AttentionSinks::massive,
          "Mean attention on all massive tokens together.")
      .def_readonly("largest", &AttentionSinks::largest, "The largest alpha_k.")
      .def_readonly(
          "entropy",
          &AttentionSinks::entropy,
          "Mean over queries of the entropy of their row, nats.")
      .def_readonly(
          "sink_first",
          &AttentionSinks::sink_first,
          "[layer, head, eps]: share of sequences whose first token is a sink.")
      .def_readonly(
          "sink_any",
          &AttentionSinks::sink_any,
          "[layer, head, eps]: share of sequences with a sink.")
      .def_property_readonly(
          "massive_score",
          [](const AttentionSinks& self) {
            return if_defined(self.massive_score);
          },
          "Mean softmax input at massive keys that a query sees; None without "
          "scores=True.")
      .def_property_readonly(
          "other_score",
          [](const AttentionSinks& self) {
            return if_defined(self.other_score);
          },
          "The same at all other keys.")
      .def("table", &sink_blocks_table, "One row a block, means over heads.")
      .def("heads_table", &sink_heads_table, "One row a block and head.")
      .def(
          "summary_table",
          &sink_summary_table,
          "One row an eps: the sink metric over all blocks and heads.")
      .def(
          "outliers_table",
          &attention_outliers_table,
          "One row a block and class of tokens with attention outliers.")
      .def("__repr__", [](const AttentionSinks& self) {
        return sink_summary_table(self).to_text();
      });
}

void bind_sinks(py::module_& m) {
  const AttentionSinkOptions sinks;
  const MeasureSinksOptions pass;
  m.def(
      "attention_sinks",
      [](const BoundModel& model,
         const SequencesArg& sequences,
         const Profile& profile,
         const Layers& layers,
         const std::vector<double>& eps,
         double concentrated,
         double outlier,
         std::int64_t fewest_queries,
         bool scores,
         bool classify_tokens,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const MeasureSinksOptions options{
            .sinks =
                {.eps = eps,
                 .concentrated = concentrated,
                 .outlier = outlier,
                 .fewest_queries = fewest_queries},
            .layers = layers,
            .scores = scores,
            .classify_tokens = classify_tokens,
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress)};
        return run_alone(model, [&] {
          const auto ids = sequences_of(model, sequences);
          const auto tokens = massive_tokens_of(model, ids, profile);
          return measure_attention_sinks(model, ids, tokens, options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::arg("profile") = py::none(),
      py::kw_only(),
      py::arg("layers") = Layers{},
      py::arg("eps") = sinks.eps,
      py::arg("concentrated") = sinks.concentrated,
      py::arg("outlier") = sinks.outlier,
      py::arg("fewest_queries") = sinks.fewest_queries,
      py::arg("scores") = pass.scores,
      py::arg("classify_tokens") = pass.classify_tokens,
      py::arg("tokens_per_pass") = pass.tokens_per_pass,
      py::arg("progress") = py::none(),
      R"(Attention sinks, entropy, and attention on massive tokens, in each block and head, in one pass.

Args:
    model: With the hooks that it has.
    sequences: int64 [n, length], or texts: then as `cut_sequences` cuts them by default.
    profile: Says which tokens are massive, a MassiveProfile; None: found in these sequences.
    layers: Blocks, 0-based; empty: all. The others keep fused attention.
    eps: A key is a sink of a head when alpha_k > eps: 0.3 in Gu et al. 2025, 0.8 in Barbero et al. 2025.
    concentrated: A head is concentrated when it gives more than this to massive tokens.
    outlier: A token is an attention outlier when it receives at least this times the number of tokens (An et al. 2025).
    fewest_queries: Keys that fewer queries see do not count for `sink_any` and `largest`.
    scores: Also average softmax inputs on massive and on other tokens.
    classify_tokens: False for a model without a tokenizer.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    AttentionSinks.

Example:
    >>> sinks = ma.attention_sinks(model, torch.arange(64).view(4, 16))
    >>> sinks.n_sequences, len(sinks.table().rows), len(sinks.heads_table().rows)
    (4, 2, 8)
)");
}

void bind_maps(py::module_& m) {
  py::class_<AttentionMaps>(
      m,
      "AttentionMaps",
      R"(Attention of one sequence, as heat maps are drawn of.

Example:
    >>> maps = ma.attention_maps(model, "Hi there.", layers=[1])
    >>> maps.pattern.shape == (1, len(maps.tokens), len(maps.tokens))
    True
)")
      .def_readonly("layers", &AttentionMaps::layers, "Blocks, 0-based.")
      .def_readonly(
          "scores",
          &AttentionMaps::scores,
          "float32 [layer, query_pos, key_pos]: softmax input, mean over "
          "heads; "
          "-inf where a query does not see the key.")
      .def_readonly(
          "pattern",
          &AttentionMaps::pattern,
          "float32 [layer, query_pos, key_pos]: softmax output, mean over "
          "heads.")
      .def_readonly(
          "key_scores",
          &AttentionMaps::key_scores,
          "float64 [layer, head, key_pos]: mean over the queries that see the "
          "key.")
      .def_readonly(
          "key_pattern",
          &AttentionMaps::key_pattern,
          "float64 [layer, head, key_pos]: the same of the softmax output.")
      .def_readonly(
          "massive_share",
          &AttentionMaps::massive_share,
          "float64 [layer, head]: mean attention on all massive tokens.")
      .def_readonly("massive", &AttentionMaps::massive, "bool [key_pos].")
      .def_readonly("ids", &AttentionMaps::ids, "int64 [key_pos].")
      .def_readonly("tokens", &AttentionMaps::tokens, "Their texts.")
      .def("table", &attention_maps_table, "One row a block, head and key.")
      .def("__repr__", [](const AttentionMaps& self) {
        return c10::str(
            "AttentionMaps(",
            self.layers.size(),
            " blocks, ",
            self.ids.numel(),
            " tokens)");
      });
  m.def(
      "attention_maps",
      [](const BoundModel& model,
         const PromptArg& prompt,
         const Profile& profile,
         const Layers& layers) {
        return run_alone(model, [&] {
          const auto ids = prompt_ids(model, prompt);
          const auto tokens = massive_tokens_of(model, ids, profile);
          return attention_maps(model, ids, tokens, layers);
        });
      },
      py::arg("model"),
      py::arg("prompt"),
      py::arg("profile") = py::none(),
      py::kw_only(),
      py::arg("layers") = Layers{},
      R"(Attention of one prompt, averaged over heads and by key.

Args:
    model: With the hooks that it has.
    prompt: A text, no BOS added, or its token ids.
    profile: Says which tokens are massive, a MassiveProfile; None: found in the prompt.
    layers: Blocks, 0-based; empty: the one after which tokens are massive (its attention does not see that yet), the
        next one, and the last.

Returns:
    AttentionMaps.

Example:
    >>> ma.attention_maps(model, [1, 2, 3, 4]).scores.shape
    torch.Size([2, 4, 4])
)");
}

} // namespace

void bind_attention(py::module_& m) {
  bind_sinks_type(m);
  bind_sinks(m);
  bind_maps(m);
}

} // namespace ma::python
