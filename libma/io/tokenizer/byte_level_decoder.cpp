// Decoding of byte letters.
#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/decoder.h"

namespace ma::tok {
namespace {

class ByteLevelDecoder : public Decoder {
 public:
  std::string decode(
      const std::vector<std::string_view>& tokens) const override {
    std::string bytes;
    for (const std::string_view token : tokens) {
      const std::optional<std::string> spelled = bytes_of_letters(token);
      bytes += spelled ? std::string_view(*spelled) : token;
    }
    return replace_invalid_utf8(bytes);
  }
};

} // namespace

std::unique_ptr<Decoder> make_byte_level_decoder() {
  return std::make_unique<ByteLevelDecoder>();
}

} // namespace ma::tok
