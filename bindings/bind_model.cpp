// Model: loading and passes.
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bound_model.h"
#include "bindings/load_options_arg.h"
#include "bindings/token_batch_arg.h"
#include "bindings/topics.h"
#include <pybind11/stl/filesystem.h>

namespace ma::python {
namespace {

using Mask = std::optional<torch::Tensor>;
using Ids = std::optional<TokenIds>;
using Patterns = std::variant<std::string, std::vector<std::string>>;

TokenBatch batch_of(const Ids& ids, const Mask& mask) {
  return ids ? make_batch(*ids, mask) : TokenBatch();
}

std::vector<std::string> list_of(const Patterns& patterns) {
  if (const auto* one = std::get_if<std::string>(&patterns)) {
    return {*one};
  }
  return std::get<std::vector<std::string>>(patterns);
}

BoundModel load(
    const std::filesystem::path& name_or_path,
    const DeviceArg& device,
    const DtypeArg& dtype,
    const std::optional<std::filesystem::path>& home) {
  const LoadOptions options = load_options("load_model", device, dtype, home);
  const py::gil_scoped_release released;
  return BoundModel(load_model(name_or_path.string(), options));
}

void bind_config(py::module_& m) {
  py::class_<DecoderConfig>(
      m, "DecoderConfig", R"(The sizes and options of a decoder.

Example:
    >>> model.config.n_layers, model.config.d_model
    (2, 32)
)")
      .def_readonly(
          "architecture",
          &DecoderConfig::architecture,
          "Name in the list of architectures.")
      .def_readonly("n_layers", &DecoderConfig::n_layers, "Number of blocks.")
      .def_readonly(
          "d_model", &DecoderConfig::d_model, "Width of the residual stream.")
      .def_readonly("n_heads", &DecoderConfig::n_heads, "Query heads.")
      .def_readonly(
          "n_kv_heads", &DecoderConfig::n_kv_heads, "Key and value heads.")
      .def_readonly("d_head", &DecoderConfig::d_head, "Width of a head.")
      .def_readonly("d_mlp", &DecoderConfig::d_mlp, "Width of the MLP.")
      .def_readonly("vocab", &DecoderConfig::vocab, "Number of token ids.")
      .def_readonly(
          "max_positions",
          &DecoderConfig::max_positions,
          "Longest context, tokens.")
      .def_readonly(
          "activation",
          &DecoderConfig::activation,
          "Name of the MLP's nonlinearity.")
      .def_property_readonly(
          "has_learned_positions",
          &DecoderConfig::has_learned_positions,
          "Whether each place has a learned vector; else rotary or ALiBi.")
      .def_readonly(
          "has_tied_unembedding",
          &DecoderConfig::has_tied_unembedding,
          "Output head is the embedding.")
      .def("__repr__", [](const DecoderConfig& self) {
        return c10::str(
            "DecoderConfig('",
            self.architecture,
            "', n_layers=",
            self.n_layers,
            ", d_model=",
            self.d_model,
            ", n_heads=",
            self.n_heads,
            ", n_kv_heads=",
            self.n_kv_heads,
            ", d_head=",
            self.d_head,
            ", d_mlp=",
            self.d_mlp,
            ", vocab=",
            self.vocab,
            ")");
      });
}

void bind_scores(py::module_& m) {
  py::class_<TokenScores>(
      m, "TokenScores", R"(Negative log-likelihood of given tokens.

Example:
    >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
    >>> model.score(stream, torch.tensor([0, 1]), torch.tensor([2, 3])).nll_nats.shape  # [n]
    torch.Size([2])
)")
      .def_readonly(
          "nll_nats",
          &TokenScores::nll_nats,
          "float32 (float64 for float64 models) [n], nats.")
      .def_readonly(
          "is_greedy",
          &TokenScores::is_greedy,
          "bool [n]: the target is the most likely token.");
}

void bind_passes(py::class_<BoundModel>& model) {
  model
      .def(
          "forward",
          [](const BoundModel& self, const TokenIds& ids, const Mask& mask) {
            const auto batch = make_batch(ids, mask);
            return run_alone(self, [&] { return self.forward(batch); });
          },
          py::arg("ids"),
          py::arg("mask") = py::none(),
          R"(Logits [batch, pos, vocab].

Args:
    ids: int64 tensor [pos] or [batch, pos], a list of ids, a list of rows, or a TokenBatch.
    mask: [batch, pos], zero at padding; None when all tokens are real.

Raises:
    ShapeError: When ids are out of range or shapes do not fit.

Example:
    >>> model.forward([1, 2, 3]).shape
    torch.Size([1, 3, 264])
)")
      .def(
          "run_with_cache",
          [](const BoundModel& self,
             const TokenIds& ids,
             const Patterns& patterns,
             const Mask& mask) {
            const auto batch = make_batch(ids, mask);
            const auto wanted = list_of(patterns);
            return run_alone(
                self, [&] { return self.run_with_cache(batch, wanted); });
          },
          py::arg("ids"),
          py::arg("patterns"),
          py::arg("mask") = py::none(),
          R"(Logits [batch, pos, vocab] and the activations at all points that match `patterns`.

Args:
    ids: As for `forward`.
    patterns: Hook names; `*` stands for one dot-separated part.
    mask: As for `forward`.

Raises:
    UnknownNameError: When a pattern matches nothing.

Example:
    >>> logits, cache = model.run_with_cache([1, 2, 3], ["blocks.*.attn.pattern"])
    >>> cache["blocks.0.attn.pattern"].shape  # [batch, head, query_pos, key_pos]
    torch.Size([1, 4, 3, 3])
)")
      .def(
          "embed",
          [](const BoundModel& self, const TokenIds& ids, const Mask& mask) {
            const auto batch = make_batch(ids, mask);
            return run_alone(self, [&] { return self.embed(batch); });
          },
          py::arg("ids"),
          py::arg("mask") = py::none(),
          R"(Residual stream before block 0, [batch, pos, d_model].

Example:
    >>> model.embed([1, 2, 3]).shape
    torch.Size([1, 3, 32])
)")
      .def(
          "run_blocks",
          [](const BoundModel& self,
             const torch::Tensor& x,
             std::int64_t first,
             std::int64_t last,
             const Ids& ids,
             const Mask& mask) {
            const auto batch = batch_of(ids, mask);
            return run_alone(
                self, [&] { return self.run_blocks(x, first, last, batch); });
          },
          py::arg("x"),
          py::arg("first"),
          py::arg("last"),
          py::arg("ids") = py::none(),
          py::arg("mask") = py::none(),
          R"(Residual stream [batch, pos, d_model] after blocks [first, last).

Args:
    x: The stream before block `first`, [batch, pos, d_model].
    first: 0-based.
    last: One past the last block to run.
    ids: The tokens given to `embed`: they supply padding, and what hooks see as `at.batch`.
    mask: As for `forward`.

Example:
    >>> half = model.run_blocks(model.embed([1, 2, 3]), 0, 1)
    >>> whole = model.run_blocks(half, 1, 2)
    >>> torch.equal(model.unembed(whole), model.forward([1, 2, 3]))
    True
)")
      .def(
          "unembed",
          [](const BoundModel& self,
             const torch::Tensor& x,
             const std::optional<torch::Tensor>& positions,
             const Ids& ids,
             const Mask& mask) {
            const auto batch = batch_of(ids, mask);
            return run_alone(self, [&] {
              return self.unembed(
                  x, positions.value_or(torch::Tensor()), batch);
            });
          },
          py::arg("x"),
          py::arg("positions") = py::none(),
          py::arg("ids") = py::none(),
          py::arg("mask") = py::none(),
          R"(Logits of the stream after the last block.

Args:
    x: [batch, pos, d_model].
    positions: int64 [n], flat indices into batch x pos; None for all.
    ids: As for `run_blocks`.
    mask: As for `forward`.

Returns:
    [batch, pos, vocab], or [n, vocab] with `positions`.

Example:
    >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
    >>> model.unembed(stream, torch.tensor([2])).shape
    torch.Size([1, 264])
)")
      .def(
          "score",
          [](const BoundModel& self,
             const torch::Tensor& x,
             const torch::Tensor& positions,
             const torch::Tensor& targets,
             const Ids& ids,
             const Mask& mask) {
            const auto batch = batch_of(ids, mask);
            return run_alone(
                self, [&] { return self.score(x, positions, targets, batch); });
          },
          py::arg("x"),
          py::arg("positions"),
          py::arg("targets"),
          py::arg("ids") = py::none(),
          py::arg("mask") = py::none(),
          R"(Scores of the tokens `targets` int64 [n] at the flat `positions` int64 [n] of the stream `x`.

Logits are never stored: the softmax runs over slices of the vocabulary.

Example:
    >>> stream = model.run_blocks(model.embed([1, 2, 3]), 0, 2)
    >>> scores = model.score(stream, torch.tensor([0]), torch.tensor([2]))
    >>> expected = -model.forward([1, 2, 3])[0, 0].log_softmax(-1)[2]
    >>> torch.allclose(scores.nll_nats[0], expected)
    True
)");
}

} // namespace

void bind_model(py::module_& m, py::class_<BoundModel>& model) {
  bind_architectures(m);
  bind_config(m);
  bind_scores(m);
  bind_passes(model);
  model
      .def_property_readonly(
          "config",
          [](const BoundModel& self) { return self.config(); },
          "Sizes and options, a DecoderConfig.")
      .def_property_readonly(
          "dtype",
          [](const BoundModel& self) { return self.dtype(); },
          "torch.dtype of weights.")
      .def_property_readonly(
          "device",
          [](const BoundModel& self) { return self.device(); },
          "Where tokens go in: the first device of a model on several.")
      .def_property_readonly(
          "n_parameters",
          [](const BoundModel& self) { return self.n_parameters(); },
          "Number of parameters; a tied output head counts once.")
      .def_property_readonly(
          "files",
          [](const BoundModel& self) { return self.files(); },
          "Files the weights and the configuration came from.")
      .def_property_readonly(
          "tokenizer",
          [](const BoundModel& self) -> const Tokenizer& {
            return self.tokenizer();
          },
          py::return_value_policy::reference_internal,
          "The checkpoint's tokenizer, read at the first use.")
      .def("__repr__", [](const BoundModel& self) {
        const DecoderConfig& c = self.config();
        return c10::str(
            "Model('",
            c.architecture,
            "', n_layers=",
            c.n_layers,
            ", d_model=",
            c.d_model,
            ", vocab=",
            c.vocab,
            ", dtype=",
            dtype_name(self.dtype()),
            ", device=",
            self.device(),
            ")");
      });
  m.def(
      "load_model",
      &load,
      py::arg("name_or_path"),
      py::kw_only(),
      py::arg("device") = "auto",
      py::arg("dtype") = py::cast(torch::kFloat32),
      py::arg("home") = py::none(),
      R"(Loads a model that `libma fetch` has brought, a Hugging Face folder, or a `.gguf` file.

Args:
    name_or_path: "smollm2-135m-instruct", a folder with config.json and safetensors, or a file.
    device: "auto" (GPUs where there are any), "cpu", "cuda:0", or a list of devices that share the blocks.
    dtype: float64, float32, bfloat16 or float16, as torch.dtype or by name.
    home: Cache of fetched models; None for $LIBMA_HOME, or else ~/.cache/libma.

Raises:
    FileError: When files are missing or damaged.
    UnknownNameError: When there is no such model, architecture or dtype; the message offers the nearest ones.
    ConfigError: When the configuration is not supported.

Example:
    >>> ma.load_model(folder, dtype="float64")
    Model('llama', n_layers=2, d_model=32, vocab=264, dtype=float64, device=cpu)
)");
}

} // namespace ma::python
