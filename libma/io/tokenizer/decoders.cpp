// The decoders of SentencePiece's family.
#include <array>
#include <charconv>
#include <utility>

#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/decoder.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

class ReplaceDecoder : public Decoder {
 public:
  ReplaceDecoder(std::unique_ptr<Matcher> matcher, std::string content)
      : matcher_(std::move(matcher)), content_(std::move(content)) {}

  void decode(std::vector<std::string>& tokens) const override {
    std::vector<Match> matches;
    for (std::string& token : tokens) {
      if (token.empty()) {
        continue;
      }
      matches.clear();
      matcher_->find(token, matches);
      std::string replaced;
      for (const Match& match : matches) {
        replaced += match.matched ? std::string_view(content_)
                                  : slice(token, match.span);
      }
      token = std::move(replaced);
    }
  }

 private:
  std::unique_ptr<Matcher> matcher_;
  std::string content_;
};

class ByteFallbackDecoder : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    out.reserve(tokens.size());
    std::string bytes; // of the run that is open
    const auto flush = [&] {
      if (first_invalid_utf8(bytes)) {
        out.insert(out.end(), bytes.size(), "\uFFFD");
      } else if (!bytes.empty()) {
        out.push_back(bytes);
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      unsigned char byte = 0;
      if (reads_byte(token, byte)) {
        bytes += static_cast<char>(byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

 private:
  static bool reads_byte(std::string_view token, unsigned char& byte) {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') {
      return false;
    }
    // The reference's number parser takes a plus sign.
    const char* const first = token.data() + (token[3] == '+' ? 4 : 3);
    const auto [end, error] =
        std::from_chars(first, token.data() + 5, byte, 16);
    return error == std::errc() && end == token.data() + 5;
  }
};

class FuseDecoder : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    std::string text;
    for (const std::string& token : tokens) {
      text += token;
    }
    tokens.assign(1, text);
  }
};

class StripDecoder : public Decoder {
 public:
  explicit StripDecoder(StripEnds ends) : ends_(std::move(ends)) {}

  void decode(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      std::string_view rest = token;
      for (std::size_t i = 0;
           i < ends_.start && rest.starts_with(ends_.content);
           ++i) {
        rest.remove_prefix(ends_.content.size());
      }
      for (std::size_t i = 0; i < ends_.stop && rest.ends_with(ends_.content);
           ++i) {
        rest.remove_suffix(ends_.content.size());
      }
      token = std::string(rest);
    }
  }

 private:
  StripEnds ends_;
};

class MetaspaceDecoder : public Decoder {
 public:
  explicit MetaspaceDecoder(const Metaspace& options)
      : replacement_(options.replacement),
        drops_first_(options.scheme != PrependScheme::kNever) {}

  void decode(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view token = tokens[i];
      std::string text;
      for (std::size_t at = 0; at < token.size();) {
        if (token.substr(at).starts_with(replacement_)) {
          text += i == 0 && drops_first_ ? "" : " ";
          at += replacement_.size();
        } else {
          text += token[at++];
        }
      }
      tokens[i] = std::move(text);
    }
  }

 private:
  std::string replacement_;
  bool drops_first_;
};

class SpacedDecoder : public Decoder {
 public:
  void decode(std::vector<std::string>& tokens) const override {
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      tokens[i].insert(0, 1, ' ');
    }
  }
};

class DecoderSequence : public Decoder {
 public:
  explicit DecoderSequence(std::vector<DecoderPtr> stages)
      : stages_(std::move(stages)) {}

  void decode(std::vector<std::string>& tokens) const override {
    for (const DecoderPtr& stage : stages_) {
      stage->decode(tokens);
    }
  }

 private:
  std::vector<DecoderPtr> stages_;
};

} // namespace

DecoderPtr make_replace_decoder(
    std::unique_ptr<Matcher> matcher, std::string content) {
  return std::make_unique<ReplaceDecoder>(
      std::move(matcher), std::move(content));
}

DecoderPtr make_byte_fallback_decoder() {
  return std::make_unique<ByteFallbackDecoder>();
}

DecoderPtr make_fuse_decoder() {
  return std::make_unique<FuseDecoder>();
}

DecoderPtr make_strip_decoder(StripEnds ends) {
  return std::make_unique<StripDecoder>(std::move(ends));
}

DecoderPtr make_metaspace_decoder(const Metaspace& options) {
  return std::make_unique<MetaspaceDecoder>(options);
}

DecoderPtr make_spaced_decoder() {
  return std::make_unique<SpacedDecoder>();
}

DecoderPtr make_decoder_sequence(std::vector<DecoderPtr> stages) {
  return std::make_unique<DecoderSequence>(std::move(stages));
}

} // namespace ma::tok
