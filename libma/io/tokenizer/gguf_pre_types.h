// What the `tokenizer.ggml.pre` of a GGUF file stands for.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace ma::tok {

/// The stages that a value of `tokenizer.ggml.pre` stands for, as the
/// tokenizer.json of the models that use it has them.
struct GgufPreType {
  const char* names; ///< values of `tokenizer.ggml.pre`, separated by spaces
  const char* split = nullptr; ///< pattern in front of ByteLevel, which then
                               ///< has none itself
  const char* pre_tokenizer = nullptr; ///< or all of it, as JSON
  bool nfc = false; ///< whether the text is normalised to NFC
  bool ignore_merges = false;
  bool trim_offsets = false;
  bool add_bos = false; ///< where the file does not say
};

/// The pre-tokenizer of `type` as a tokenizer.json has it.
nlohmann::json pre_tokenizer_json(const GgufPreType& type);

/// The entry called `name`. Throws ConfigError, located at `where`, listing the
/// known names.
const GgufPreType& find_gguf_pre_type(
    const std::string& name, std::string_view where);

} // namespace ma::tok
