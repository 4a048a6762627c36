// A tokenizer for tests: one id a byte, BOS 256, EOS 257.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/tokenizer.h"

namespace ma::testing {

class ByteTokenizer : public Tokenizer {
 public:
  bool adds_bos = false; ///< adds_bos_by_default()
  std::optional<std::int64_t> bos = 256;
  std::optional<std::int64_t> eos = 257;

  Encoding encode_with_offsets(
      std::string_view text, const EncodeOptions& options) const override {
    Encoding encoding;
    if (options.add_bos) {
      encoding.ids.push_back(*bos);
      encoding.offsets.emplace_back(0, 0);
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
      encoding.ids.push_back(static_cast<unsigned char>(text[i]));
      encoding.offsets.emplace_back(i, i + 1);
    }
    return encoding;
  }
  std::string decode(
      const std::vector<std::int64_t>& ids, bool) const override {
    return {ids.begin(), ids.end()};
  }
  const std::string& token(std::int64_t) const override { return bos_text_; }
  std::optional<std::int64_t> bos_id() const override { return bos; }
  std::optional<std::int64_t> eos_id() const override { return eos; }
  bool adds_bos_by_default() const override { return adds_bos; }
  std::int64_t vocab_size() const override { return 258; }

 private:
  std::string bos_text_ = "<s>";
};

} // namespace ma::testing
