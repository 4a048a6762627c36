// The stages put together, with the rules of Hugging Face's Tokenizer.encode
// and decode.
#include "libma/io/tokenizer/pipeline.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <c10/util/StringUtil.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/byte_letters.h"
#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

/// Characters of white space at both ends of a token, byte letters of the space
/// included.
struct Blanks {
  std::size_t leading = 0;
  std::size_t trailing = 0;
};

Blanks blanks(std::string_view token) {
  const std::string& space_letter = byte_letter(' ');
  Blanks found;
  bool only_blank = true;
  for (const char* at = token.data(); at != token.data() + token.size();) {
    const char* const begin = at;
    const bool space =
        (CharClasses::instance().of(next_code_point(at)) & kSpace) != 0;
    if (space ||
        std::string_view(begin, static_cast<std::size_t>(at - begin)) ==
            space_letter) {
      ++found.trailing;
      found.leading += only_blank ? 1 : 0;
    } else {
      found.trailing = 0;
      only_blank = false;
    }
  }
  return found;
}

/// Where the offsets of one text end up.
struct Output {
  std::string_view input;
  Encoding encoding;
};

/// `source` without as many characters of `input` at its ends as `blanks`
/// counts.
Span trim(
    std::string_view input,
    Span source,
    std::size_t leading,
    std::size_t trailing) {
  for (; leading > 0 && source.first < source.last; --leading) {
    source.first += utf8_length(input[source.first]);
  }
  std::size_t last = source.last;
  for (; trailing > 0 && last > 0; --trailing) {
    do {
      --last;
    } while (is_continuation(input[last]));
  }
  if (trailing == 0) { // else there are not as many characters in front of it
    source.last = std::max(last, source.first);
  }
  return source;
}

/// How `token` is written in the text that it is looked for in, and in decoded
/// text.
std::string pattern_of(const AddedToken& token, const Normalizer* normalizer) {
  const AlignedText content(token.content, 0);
  const bool rewrite = token.normalized && normalizer != nullptr;
  return std::string(
      rewrite ? normalizer->normalize(content).view() : content.view());
}

AddedTokenFinder make_finder(const TokenizerParts& parts, bool normalized) {
  std::vector<const AddedToken*> tokens;
  std::vector<std::string> patterns;
  for (const AddedToken& token : parts.added) {
    if (token.normalized == normalized) {
      tokens.push_back(&token);
      patterns.push_back(pattern_of(token, parts.normalizer.get()));
    }
  }
  return {std::move(tokens), patterns};
}

class Pipeline : public Tokenizer {
 public:
  explicit Pipeline(TokenizerParts parts)
      : parts_(std::move(parts)),
        finder_(make_finder(parts_, /*normalized=*/false)),
        normalized_finder_(make_finder(parts_, /*normalized=*/true)),
        special_(parts_.vocab.size(), false) {
    for (const AddedToken& token : parts_.added) {
      special_[token.id] = special_[token.id] || token.special;
      added_spelling_[token.id] = pattern_of(token, parts_.normalizer.get());
    }
    if (parts_.trimming.enabled) {
      for (const std::string& token : parts_.vocab) {
        blanks_.push_back(blanks(token));
      }
    }
  }

  Encoding encode_with_offsets(
      std::string_view text, const EncodeOptions& options) const override;
  std::string decode(
      const std::vector<std::int64_t>& ids, bool skip_special) const override;

  const std::string& token(std::int64_t id) const override {
    if (id < 0 || id >= vocab_size() ||
        parts_.vocab[static_cast<std::size_t>(id)].empty()) {
      throw ShapeError(
          parts_.where,
          c10::str(
              "there is no token with id ",
              id,
              "; ids are 0 to ",
              vocab_size() - 1));
    }
    return parts_.vocab[static_cast<std::size_t>(id)];
  }

  std::optional<std::int64_t> bos_id() const override {
    return parts_.edges.bos;
  }
  std::optional<std::int64_t> eos_id() const override {
    return parts_.edges.eos;
  }
  bool adds_bos_by_default() const override { return parts_.edges.adds_bos; }
  std::int64_t vocab_size() const override {
    return static_cast<std::int64_t>(parts_.vocab.size());
  }

 private:
  void encode_section(AlignedText text, bool parse_special, Output& out) const;
  void encode_pieces(PieceList list, Output& out) const;

  /// Appends a token that stands for `source`; `blanks` is what it begins and
  /// ends with.
  void emit(
      std::uint32_t id, const Blanks& blanks, Span source, Output& out) const {
    if (parts_.trimming.enabled && blanks.leading + blanks.trailing > 0) {
      const bool at_start = out.encoding.ids.empty() || source.first == 0;
      const bool kept =
          at_start && parts_.trimming.keep_prefix_space && blanks.leading == 1;
      source =
          trim(out.input, source, kept ? 0 : blanks.leading, blanks.trailing);
    }
    out.encoding.ids.push_back(id);
    out.encoding.offsets.emplace_back(source.first, source.last);
  }

  TokenizerParts parts_;
  AddedTokenFinder finder_;            ///< in the text as it came
  AddedTokenFinder normalized_finder_; ///< in the normalised text
  std::vector<bool> special_;          ///< by id
  std::unordered_map<std::int64_t, std::string>
      added_spelling_;         ///< by id, in decoded text
  std::vector<Blanks> blanks_; ///< by id
};

Encoding Pipeline::encode_with_offsets(
    std::string_view text, const EncodeOptions& options) const {
  if (const auto invalid = first_invalid_utf8(text)) {
    throw Error(
        "Tokenizer::encode",
        c10::str(
            "the text is not UTF-8 at byte ",
            *invalid,
            " of ",
            text.size(),
            "; decode or repair it first"));
  }
  const auto bos = options.add_bos ? parts_.edges.bos : std::nullopt;
  if (options.add_bos && !bos) {
    throw ConfigError(
        parts_.where,
        "add_bos was asked for and the tokenizer has no BOS; leave add_bos "
        "false");
  }
  Output out{text, {}};
  out.encoding.ids.reserve(text.size() / 3 + 1);
  out.encoding.offsets.reserve(text.size() / 3 + 1);
  for (const Section& section : finder_.split(text, options.parse_special)) {
    const AlignedText part(slice(text, section.span), section.span.first);
    if (section.token != nullptr) {
      emit(section.token->id, blanks(part.view()), section.span, out);
    } else {
      encode_section(part, options.parse_special, out);
    }
  }
  if (bos) { // last, because the rules for offsets look at the first token of
             // the text
    out.encoding.ids.insert(out.encoding.ids.begin(), *bos);
    out.encoding.offsets.insert(out.encoding.offsets.begin(), {0, 0});
  }
  return out.encoding;
}

void Pipeline::encode_section(
    AlignedText text, bool parse_special, Output& out) const {
  if (parts_.normalizer != nullptr) {
    text = parts_.normalizer->normalize(std::move(text));
  }
  const auto shared = std::make_shared<AlignedText>(std::move(text));
  for (const Section& section :
       normalized_finder_.split(shared->view(), parse_special)) {
    if (section.token != nullptr) {
      emit(
          section.token->id,
          blanks(slice(shared->view(), section.span)),
          shared->source(section.span),
          out);
    } else {
      encode_pieces({shared, {section.span}}, out);
    }
  }
}

void Pipeline::encode_pieces(PieceList list, Output& out) const {
  parts_.pre_tokenizer->split(list);
  const AlignedText& text = *list.text;
  std::vector<PieceToken> tokens;
  for (const Span piece : list.pieces) {
    tokens.clear();
    parts_.model->tokenize(slice(text.view(), piece), tokens);
    for (const PieceToken& token : tokens) {
      const Span source = text.source(
          {piece.first + token.span.first, piece.first + token.span.last});
      emit(
          token.id,
          parts_.trimming.enabled ? blanks_[token.id] : Blanks{},
          source,
          out);
    }
  }
}

std::string Pipeline::decode(
    const std::vector<std::int64_t>& ids, bool skip_special) const {
  std::vector<std::string> tokens;
  tokens.reserve(ids.size());
  for (const std::int64_t id : ids) {
    const std::string& spelling = token(id);
    if (!skip_special || !special_[static_cast<std::size_t>(id)]) {
      const auto added = added_spelling_.find(id);
      tokens.emplace_back(
          added == added_spelling_.end() ? spelling : added->second);
    }
  }
  parts_.decoder->decode(tokens);
  std::string text;
  for (const std::string& token : tokens) {
    text += token;
  }
  return text;
}

} // namespace

std::unique_ptr<Tokenizer> make_pipeline(TokenizerParts parts) {
  return std::make_unique<Pipeline>(std::move(parts));
}

} // namespace ma::tok
