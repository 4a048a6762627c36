// Last stage, the other way: turns tokens back into text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ma::tok {

/// Immutable; used by several threads.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// The text of `tokens`, given in the vocabulary's spelling.
  virtual std::string decode(
      const std::vector<std::string_view>& tokens) const = 0;
};

/// Reads byte letters; a token with any other character stands for itself.
/// Invalid UTF-8 becomes U+FFFD.
std::unique_ptr<Decoder> make_byte_level_decoder();

} // namespace ma::tok
