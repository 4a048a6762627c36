// Last stage, the other way: turns tokens back into text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "libma/io/tokenizer/matcher.h"
#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {

/// Immutable; used by several threads.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Rewrites `tokens`, given in the vocabulary's spelling at first; put
  /// together, what the last decoder leaves is the text.
  virtual void decode(std::vector<std::string>& tokens) const = 0;
};

using DecoderPtr = std::unique_ptr<Decoder>;

/// Reads byte letters; a token with any other character stands for itself.
/// Invalid UTF-8 becomes U+FFFD.
DecoderPtr make_byte_level_decoder();

/// `content` instead of each match in a token.
DecoderPtr make_replace_decoder(
    std::unique_ptr<Matcher> matcher, std::string content);

/// Tokens "<0x41>" become the bytes that they name; U+FFFD for each of a run
/// that is not UTF-8.
DecoderPtr make_byte_fallback_decoder();

/// One token of all.
DecoderPtr make_fuse_decoder();

/// Without up to so many `content`, a character, at the ends of each token.
struct StripEnds {
  std::string content;
  std::size_t start = 0;
  std::size_t stop = 0;
};
DecoderPtr make_strip_decoder(StripEnds ends);

/// Spaces for Metaspace's replacement, none in front of the text.
DecoderPtr make_metaspace_decoder(const Metaspace& options);

/// A space between tokens: what Hugging Face does without a decoder.
DecoderPtr make_spaced_decoder();

/// `stages`, one after the other.
DecoderPtr make_decoder_sequence(std::vector<DecoderPtr> stages);

} // namespace ma::tok
