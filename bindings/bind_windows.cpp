// Perplexity windows and their protocols.
#include <limits>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"

#include "libma/eval/perplexity.h"

namespace ma::python {
namespace {

using Ids = std::vector<std::int64_t>;
using Text = std::variant<
    std::string,
    std::vector<std::string>,
    std::vector<Document>,
    torch::Tensor,
    Ids>;

std::vector<Document> documents_of(const Text& text) {
  if (const auto* one = std::get_if<std::string>(&text)) {
    return {plain_document(*one)};
  }
  if (const auto* documents = std::get_if<std::vector<Document>>(&text)) {
    return *documents;
  }
  std::vector<Document> documents;
  for (const std::string& each : std::get<std::vector<std::string>>(text)) {
    documents.push_back(plain_document(each));
  }
  return documents;
}

WindowSet make(
    const Text& text,
    const Tokenizer* tokenizer,
    const WindowOptions& options) {
  if (const auto* ids = std::get_if<Ids>(&text)) {
    return make_windows(*ids, options);
  }
  if (const auto* tensor = std::get_if<torch::Tensor>(&text)) {
    if (tensor->dim() != 1 || tensor->scalar_type() != torch::kInt64) {
      throw ShapeError(
          "make_windows",
          c10::str(
              "expected int64 ids [pos], got ",
              tensor->scalar_type(),
              " ",
              tensor->sizes()));
    }
    const auto ids = tensor->to(torch::kCPU).contiguous();
    const auto* first = ids.const_data_ptr<std::int64_t>();
    return make_windows(Ids(first, first + ids.numel()), options);
  }
  if (tokenizer == nullptr) {
    throw ConfigError(
        "make_windows",
        "a text needs a tokenizer; give tokenizer=model.tokenizer, or ids");
  }
  return make_windows(documents_of(text), *tokenizer, options);
}

void bind_window_set(py::module_& m) {
  py::class_<Document>(
      m, "Document", "A text to score and the size of what it stands for.")
      .def(py::init(&plain_document), py::arg("text"))
      .def_readonly("text", &Document::text, "What is tokenised.")
      .def_readonly("bytes", &Document::bytes, "Bytes of the original text.")
      .def_readonly(
          "words",
          &Document::words,
          "Words of the original text, split at whitespace.");
  py::class_<WindowSet>(
      m,
      "WindowSet",
      "All windows of a perplexity evaluation, and what its result depends on.")
      .def_readonly("protocol", &WindowSet::protocol, "Name of the protocol.")
      .def_property_readonly(
          "bos",
          [](const WindowSet& self) {
            return std::string(bos_profile_name(self.bos));
          },
          "BOS profile.")
      .def_readonly(
          "has_bos", &WindowSet::has_bos, "Whether a BOS was put anywhere.")
      .def_readonly("window", &WindowSet::window, "Tokens.")
      .def_readonly(
          "stride",
          &WindowSet::stride,
          "Tokens from one window's start to the next one's.")
      .def_readonly(
          "text_tokens", &WindowSet::text_tokens, "Tokens of the text.")
      .def("__len__", [](const WindowSet& self) { return self.windows.size(); })
      .def("__repr__", [](const WindowSet& self) {
        return c10::str(
            "WindowSet('",
            self.protocol,
            "', ",
            self.windows.size(),
            " windows of ",
            self.window,
            " tokens, bos='",
            bos_profile_name(self.bos),
            "')");
      });
}

void bind_result(py::module_& m) {
  py::class_<PerplexityResult>(
      m,
      "PerplexityResult",
      R"(Perplexity under a protocol, with everything it depends on.

Infinite and NaN values are results: they are shown as such, and their tokens are counted.
)")
      .def_readonly(
          "protocol", &PerplexityResult::protocol, "Name of the protocol.")
      .def_readonly("bos", &PerplexityResult::bos, "BOS profile.")
      .def_readonly(
          "has_bos",
          &PerplexityResult::has_bos,
          "Whether a BOS was put anywhere.")
      .def_readonly("window", &PerplexityResult::window, "Tokens.")
      .def_readonly("stride", &PerplexityResult::stride, "Tokens.")
      .def_readonly(
          "n_windows", &PerplexityResult::n_windows, "Windows scored.")
      .def_readonly("n_tokens", &PerplexityResult::n_tokens, "Tokens scored.")
      .def_readonly(
          "mean_nll_nats",
          &PerplexityResult::mean_nll_nats,
          "Over windows or tokens, by the protocol.")
      .def_readonly(
          "std_error_nats",
          &PerplexityResult::std_error_nats,
          "Of that mean; NaN for a single one.")
      .def_readonly(
          "perplexity", &PerplexityResult::perplexity, "exp(mean_nll_nats).")
      .def_readonly(
          "word_perplexity",
          &PerplexityResult::word_perplexity,
          "lm-eval-rolling only.")
      .def_readonly(
          "byte_perplexity",
          &PerplexityResult::byte_perplexity,
          "lm-eval-rolling only.")
      .def_readonly(
          "bits_per_byte",
          &PerplexityResult::bits_per_byte,
          "lm-eval-rolling only.")
      .def_readonly(
          "kl_nats",
          &PerplexityResult::kl_nats,
          "Mean over the scored tokens of KL(original || edited), where it was "
          "asked for.")
      .def_readonly(
          "agreement",
          &PerplexityResult::agreement,
          "Share of the scored tokens with the original's most likely token, "
          "likewise.")
      .def_readonly(
          "n_nonfinite",
          &PerplexityResult::n_nonfinite,
          "Tokens with an infinite or NaN NLL.")
      .def_readonly(
          "window_nll_nats",
          &PerplexityResult::window_nll_nats,
          "Mean NLL of each window.")
      .def("__repr__", [](const PerplexityResult& self) {
        return c10::str(
            "PerplexityResult(perplexity=",
            self.perplexity,
            ", protocol='",
            self.protocol,
            "', bos='",
            self.bos,
            "', ",
            self.n_windows,
            " windows of ",
            self.window,
            " tokens)");
      });
}

void bind_make_windows(py::module_& m) {
  m.def(
      "make_windows",
      [](const Text& text,
         const Tokenizer* tokenizer,
         const std::string& protocol,
         const std::optional<std::string>& bos,
         std::int64_t window,
         std::int64_t stride,
         std::int64_t max_windows,
         std::int64_t max_documents) {
        WindowOptions options = {
            .protocol = protocol,
            .window = window,
            .stride = stride,
            .max_windows = max_windows,
            .max_documents = max_documents};
        if (bos) {
          options.bos = parse_bos_profile(*bos, "make_windows");
        }
        const py::gil_scoped_release released;
        return make(text, tokenizer, options);
      },
      py::arg("text"),
      py::arg("tokenizer") = py::none(),
      py::kw_only(),
      py::arg("protocol") = WindowOptions{}.protocol,
      py::arg("bos") = py::none(),
      py::arg("window") = 0,
      py::arg("stride") = 0,
      py::arg("max_windows") = 0,
      py::arg("max_documents") = 0,
      R"(The windows of a text by a protocol.

Args:
    text: A string, strings or Documents (`lm-eval-rolling` scores each by itself, the others read one text), or
        ids.
    tokenizer: For strings and Documents.
    protocol: "paper", "gptq", "hf-sliding", "lm-eval-rolling", ...: `perplexity_protocols` lists them.
    bos: "nobos", "bos", "lm-eval-2023" or "lm-eval-current"; None for the protocol's own.
    window: Tokens; 0 for the protocol's own.
    stride: Tokens, `hf-sliding` only; 0 for the window.
    max_windows: The first so many; 0 for all.
    max_documents: `lm-eval-rolling` only; 0 for all.

Raises:
    UnknownNameError: For the protocol.
    ConfigError: For an option that it does not have, or a text without a single window.

Example:
    >>> ma.make_windows(list(range(64)), window=16)
    WindowSet('paper', 4 windows of 16 tokens, bos='nobos')
)");
  m.def(
      "perplexity_protocols",
      [] {
        std::vector<std::pair<std::string, std::string>> rows;
        for (const ProtocolInfo& info : perplexity_protocols()) {
          rows.emplace_back(info.name, info.rule);
        }
        return rows;
      },
      R"(Every perplexity protocol: (name, rule).

Example:
    >>> "paper" in dict(ma.perplexity_protocols())
    True
)");
  m.def(
      "wikitext_documents",
      [](const std::string& raw) { return wikitext_documents(raw); },
      py::arg("raw"),
      "The pages of WikiText's raw file as lm-evaluation-harness makes them, a "
      "list of Document.");
}

} // namespace

void bind_windows(py::module_& m) {
  bind_window_set(m);
  bind_result(m);
  bind_make_windows(m);
  m.def(
      "perplexity",
      [](const BoundModel& model,
         const WindowSet& windows,
         std::int64_t tokens_per_pass,
         const std::optional<py::function>& progress) {
        const PerplexityOptions options = {
            .tokens_per_pass = tokens_per_pass,
            .progress = progress_fn(progress)};
        return run_alone(
            model, [&] { return perplexity(model, windows, options); });
      },
      py::arg("model"),
      py::arg("windows"),
      py::kw_only(),
      py::arg("tokens_per_pass") = 0,
      py::arg("progress") = py::none(),
      R"(Perplexity of `model`, with whatever hooks it has, on `windows`.

Args:
    model: A loaded model.
    windows: Made by `make_windows`.
    tokens_per_pass: Windows share a pass up to this many tokens; 0: 512 on the CPU, 16,384 elsewhere.
    progress: Called as `progress(stage, done, total)`.

Returns:
    A PerplexityResult.

Example:
    >>> result = ma.perplexity(model, ma.make_windows(list(range(64)), window=16))
    >>> result.n_windows, result.n_tokens
    (4, 60)
)");
}

} // namespace ma::python
