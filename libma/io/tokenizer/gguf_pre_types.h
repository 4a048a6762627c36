// What the `tokenizer.ggml.pre` of a GGUF file stands for.
#pragma once

#include <string>
#include <string_view>

namespace ma::tok {

/// The stages that a value of `tokenizer.ggml.pre` stands for, as the tokenizer.json of the models that use it describes them.
struct GgufPreType {
  const char* names;          ///< values of `tokenizer.ggml.pre`, separated by spaces
  const char* pre_tokenizer;  ///< JSON
  bool nfc;                   ///< whether the text is normalised to NFC
  bool ignore_merges;
  bool trim_offsets;
  bool add_bos;  ///< where the file does not say
};

/// The entry called `name`. Throws ConfigError, located at `where`, listing the known names.
const GgufPreType& find_gguf_pre_type(const std::string& name, std::string_view where);

}  // namespace ma::tok
