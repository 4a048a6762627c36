// SentencePiece's compiled normalisation rules: a double array that maps
// prefixes to offsets in a block of replacements, applied as Hugging Face's
// Precompiled does (crate spm_precompiled).
#include <cstdint>
#include <cstring>
#include <optional>

#include <utf8proc.h>

#include "libma/core/error.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/utf8.h"

namespace ma::tok {
namespace {

/// Number of characters of `text`.
int count_characters(std::string_view text) {
  int count = 0;
  for (const char byte : text) {
    count += is_continuation(byte) ? 0 : 1;
  }
  return count;
}

/// A double array in the layout of Darts-clone.
class DoubleArray {
 public:
  void assign(std::string_view bytes) {
    units_.resize(bytes.size() / sizeof(std::uint32_t));
    std::memcpy(
        units_.data(), bytes.data(), units_.size() * sizeof(std::uint32_t));
  }

  /// The value of the shortest key that `text` begins with.
  std::optional<std::uint32_t> shortest_prefix(std::string_view text) const {
    std::size_t node = 0;
    std::uint32_t unit = at(node);
    node ^= offset(unit);
    for (const char byte : text) {
      const auto label = static_cast<unsigned char>(byte);
      node ^= label;
      unit = at(node);
      if (label == 0 || (unit & kLabelMask) != label) {
        return std::nullopt;
      }
      node ^= offset(unit);
      if ((unit >> 8 & 1) == 1) {
        return at(node) & 0x7FFFFFFFU;
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint32_t kLabelMask = 0x800000FFU;

  static std::size_t offset(std::uint32_t unit) {
    return (unit >> 10) << ((unit & 0x200U) >> 6);
  }
  std::uint32_t at(std::size_t node) const {
    return node < units_.size() ? units_[node] : 0;
  }

  std::vector<std::uint32_t> units_;
};

class Charsmap : public Normalizer {
 public:
  Charsmap(std::string bytes, std::string_view where)
      : bytes_(std::move(bytes)) {
    std::uint32_t size = 0;
    if (bytes_.size() >= sizeof(size)) {
      std::memcpy(&size, bytes_.data(), sizeof(size));
    }
    if (size == 0 || size % sizeof(size) != 0 ||
        size > bytes_.size() - sizeof(size)) {
      throw FileError(
          where,
          "precompiled_charsmap is no table of SentencePiece; fetch the model "
          "again");
    }
    const std::string_view rest = std::string_view(bytes_).substr(sizeof(size));
    rules_.assign(rest.substr(0, size));
    replacements_ = rest.substr(size);
    if (first_invalid_utf8(replacements_)) {
      throw FileError(
          where,
          "the replacements of precompiled_charsmap are not UTF-8; fetch the "
          "model again");
    }
  }

  AlignedText normalize(AlignedText text) const override {
    const std::string_view old = text.view();
    std::vector<Change> changes;
    changes.reserve(old.size());
    bool modified = false;
    for (std::size_t at = 0; at < old.size();) {
      const std::size_t end = end_of_grapheme(old, at);
      const std::string_view grapheme = old.substr(at, end - at);
      at = end;
      if (grapheme.size() < kLongestRule && apply(grapheme, changes)) {
        modified = true;
        continue;
      }
      for (std::size_t i = 0; i < grapheme.size();) {
        const std::size_t length = utf8_length(grapheme[i]);
        const std::string_view character = grapheme.substr(i, length);
        if (apply(character, changes)) {
          modified = true;
        } else {
          const char* first = character.data();
          changes.push_back({next_code_point(first), 0});
        }
        i += length;
      }
    }
    return modified ? rewrite(text, changes) : text;
  }

 private:
  /// Graphemes of so many bytes are looked up character by character only.
  static constexpr std::size_t kLongestRule = 6;

  /// Appends the replacement of `part`, the one of its shortest beginning that
  /// has one, as the reference does it. False where there is none.
  bool apply(std::string_view part, std::vector<Change>& changes) const {
    const auto found = rules_.shortest_prefix(part);
    if (!found || *found > replacements_.size()) {
      return false;
    }
    const std::string_view tail = replacements_.substr(*found);
    if (!tail.empty() && is_continuation(tail.front())) {
      return false; // a damaged table
    }
    const std::string_view replacement = tail.substr(0, tail.find('\0'));
    for (const char* at = replacement.data();
         at != replacement.data() + replacement.size();) {
      changes.push_back({next_code_point(at), 0});
    }
    const int added = count_characters(replacement) - count_characters(part);
    if (added < 0 && !changes.empty()) {
      changes.back().change += added;
    }
    for (int i = 0; i < added; ++i) {
      changes[changes.size() - 1 - static_cast<std::size_t>(i)].change = 1;
    }
    return true;
  }

  static std::size_t end_of_grapheme(std::string_view text, std::size_t at) {
    const char* next = text.data() + at;
    char32_t previous = next_code_point(next);
    utf8proc_int32_t state = 0;
    for (;;) {
      const auto end = static_cast<std::size_t>(next - text.data());
      if (end == text.size()) {
        return end;
      }
      if (previous < 0x80 && previous != '\r' &&
          static_cast<unsigned char>(text[end]) < 0x80) {
        return end;
      }
      const char32_t c = next_code_point(next);
      if (utf8proc_grapheme_break_stateful(
              static_cast<utf8proc_int32_t>(previous),
              static_cast<utf8proc_int32_t>(c),
              &state)) {
        return end;
      }
      previous = c;
    }
  }

  std::string bytes_;
  DoubleArray rules_;
  std::string_view replacements_; ///< in `bytes_`, each ends with a zero byte
};

} // namespace

NormalizerPtr make_charsmap(std::string charsmap, std::string_view where) {
  return std::make_unique<Charsmap>(std::move(charsmap), where);
}

} // namespace ma::tok
