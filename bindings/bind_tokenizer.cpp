// Tokenizer and Encoding.
#include "bindings/bindings.h"
#include <pybind11/stl/filesystem.h>

#include "libma/io/tokenizer/tokenizer.h"

namespace ma::python {
namespace {

void bind_encoding(py::module_& m) {
  py::class_<Encoding>(
      m, "Encoding", R"(Ids of a text and the bytes each one came from.

Example:
    >>> model.tokenizer.encode_with_offsets("Hi.").offsets[0][0]
    0
)")
      .def_readonly("ids", &Encoding::ids, "Token ids.")
      .def_readonly(
          "offsets",
          &Encoding::offsets,
          "[first, last) byte of each id in the UTF-8 text.")
      .def("__len__", [](const Encoding& self) { return self.ids.size(); })
      .def("__repr__", [](const Encoding& self) {
        return c10::str("Encoding(", self.ids.size(), " ids)");
      });
}

} // namespace

void bind_tokenizer(py::module_& m) {
  bind_encoding(m);
  py::class_<Tokenizer>(
      m,
      "Tokenizer",
      R"(Text to ids and back, exactly as Hugging Face `tokenizers` does it.

Example:
    >>> ids = model.tokenizer.encode("Hi.")
    >>> model.tokenizer.decode(ids)
    'Hi.'
)")
      .def(
          "encode",
          [](const Tokenizer& self,
             std::string_view text,
             bool add_bos,
             bool parse_special) {
            return self.encode(
                text, {.add_bos = add_bos, .parse_special = parse_special});
          },
          py::arg("text"),
          py::kw_only(),
          py::arg("add_bos") = false,
          py::arg("parse_special") = true,
          R"(Ids of `text`, int64 [pos].

Args:
    text: Any string.
    add_bos: Put `bos_id` in front. Never done unasked.
    parse_special: Special tokens written out in the text become their ids.

Raises:
    ConfigError: When `add_bos` is set and the tokenizer has no BOS.

Example:
    >>> model.tokenizer.encode("Hi.").dtype
    torch.int64
)")
      .def(
          "encode_with_offsets",
          [](const Tokenizer& self,
             std::string_view text,
             bool add_bos,
             bool parse_special) {
            return self.encode_with_offsets(
                text, {.add_bos = add_bos, .parse_special = parse_special});
          },
          py::arg("text"),
          py::kw_only(),
          py::arg("add_bos") = false,
          py::arg("parse_special") = true,
          "Ids of `text` with the byte range of each; arguments as `encode`.")
      .def(
          "decode",
          py::overload_cast<const torch::Tensor&, bool>(
              &Tokenizer::decode, py::const_),
          py::arg("ids"),
          py::kw_only(),
          py::arg("skip_special") = false)
      .def(
          "decode",
          py::overload_cast<const std::vector<std::int64_t>&, bool>(
              &Tokenizer::decode, py::const_),
          py::arg("ids"),
          py::kw_only(),
          py::arg("skip_special") = false,
          "Text of `ids`, an int64 tensor [pos] or a list; bytes that are not "
          "UTF-8 become U+FFFD.")
      .def(
          "token",
          &Tokenizer::token,
          py::arg("id"),
          "The vocabulary's own spelling of `id`.")
      .def_property_readonly(
          "bos_id",
          &Tokenizer::bos_id,
          "Id of the beginning-of-text token, or None.")
      .def_property_readonly(
          "eos_id", &Tokenizer::eos_id, "Id of the end-of-text token, or None.")
      .def_property_readonly(
          "adds_bos_by_default",
          &Tokenizer::adds_bos_by_default,
          "Whether the checkpoint asks for a BOS before each text.")
      .def_property_readonly(
          "vocab_size",
          &Tokenizer::vocab_size,
          "Number of ids, added tokens included.")
      .def("__len__", &Tokenizer::vocab_size)
      .def("__repr__", [](const Tokenizer& self) {
        return c10::str("Tokenizer(vocab_size=", self.vocab_size(), ")");
      });
  m.def(
      "load_tokenizer",
      &load_tokenizer,
      py::arg("model_path"),
      R"(Reads the tokenizer of a folder (tokenizer.json or tokenizer.model) or of a `.gguf` file.

Raises:
    FileError: When there is none.
    ConfigError: When its kind is not supported.
)");
}

} // namespace ma::python
