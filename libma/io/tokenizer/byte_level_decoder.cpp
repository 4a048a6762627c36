// Decoding of byte letters.
#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/decoder.h"

namespace ma::tok {
namespace {

class ByteLevelDecoder : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::string bytes;
    for (const std::string& token : tokens) {
      const std::optional<std::string> spelled = bytes_of_letters(token);
      bytes += spelled ? *spelled : token;
    }
    tokens.assign(1, replace_invalid_utf8(bytes));
  }
};

} // namespace

DecoderPtr make_byte_level_decoder() {
  return std::make_unique<ByteLevelDecoder>();
}

} // namespace ma::tok
