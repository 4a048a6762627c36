// Normalisation forms: decomposition, canonical order, canonical composition
// (Unicode annex 15).
#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>

#include <utf8proc.h>

#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/nfc_data.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/tokenizer/unicode_ranges.h"

namespace ma::tok {
namespace {

// Hangul is composed by arithmetic (Unicode 3.12).
constexpr char32_t kSyllableBase = 0xAC00;
constexpr char32_t kLeadBase = 0x1100;
constexpr char32_t kVowelBase = 0x1161;
constexpr char32_t kTailBase = 0x11A7;
constexpr char32_t kLeads = 19;
constexpr char32_t kVowels = 21;
constexpr char32_t kTails = 28;
constexpr char32_t kSyllables = kLeads * kVowels * kTails;

/// A character on its way, with its combining class.
struct Tagged {
  char32_t c;
  int change; ///< as in Change
  std::uint8_t combining_class;
};

class NfcTables {
 public:
  static const NfcTables& instance() {
    static const NfcTables tables;
    return tables;
  }

  std::uint8_t combining_class(char32_t c) const {
    const auto found = classes_.find(c);
    return found == classes_.end() ? 0 : found->second;
  }

  /// Appends the full decomposition of `c`.
  void decompose(
      char32_t c, bool compatibility, std::vector<char32_t>& out) const {
    if (compatibility && compatible_.contains(c)) {
      append_compatibility(c, out);
      return;
    }
    if (c >= kSyllableBase && c < kSyllableBase + kSyllables) {
      const char32_t index = c - kSyllableBase;
      out.push_back(kLeadBase + index / (kVowels * kTails));
      out.push_back(kVowelBase + index % (kVowels * kTails) / kTails);
      if (index % kTails != 0) {
        out.push_back(kTailBase + index % kTails);
      }
      return;
    }
    const auto found = decompositions_.find(c);
    if (found == decompositions_.end()) {
      out.push_back(c);
      return;
    }
    decompose(found->second[0], compatibility, out);
    if (found->second[1] != 0) {
      decompose(found->second[1], compatibility, out);
    }
  }

  /// The primary composite of two characters, 0 when there is none.
  char32_t compose(char32_t first, char32_t second) const {
    if (first - kLeadBase < kLeads && second - kVowelBase < kVowels) {
      return kSyllableBase +
             ((first - kLeadBase) * kVowels + (second - kVowelBase)) * kTails;
    }
    const bool open_syllable = first - kSyllableBase < kSyllables &&
                               (first - kSyllableBase) % kTails == 0;
    if (open_syllable && second > kTailBase && second < kTailBase + kTails) {
      return first + (second - kTailBase);
    }
    const auto found = compositions_.find(pair_key(first, second));
    return found == compositions_.end() ? 0 : found->second;
  }

 private:
  NfcTables() {
    for (const PairDecomposition& pair : pair_decompositions()) {
      decompositions_[pair.composed] = {pair.first, pair.second};
      if (pair.composes) {
        compositions_[pair_key(pair.first, pair.second)] = pair.composed;
      }
    }
    for (const SingleDecomposition& single : single_decompositions()) {
      decompositions_[single.composed] = {single.single, 0};
    }
    for (const CombiningRange& range : combining_ranges()) {
      for (char32_t c = range.first; c <= range.last; ++c) {
        classes_[c] = range.combining_class;
      }
    }
    for (const CodePointRange& range : compatibility_ranges()) {
      for (char32_t c = range.first; c <= range.last; ++c) {
        compatible_.insert(c);
      }
    }
  }

  /// The decomposition that utf8proc has; those of assigned characters never
  /// change.
  static void append_compatibility(char32_t c, std::vector<char32_t>& out) {
    std::array<utf8proc_int32_t, 32> parts{};
    int boundary = 0;
    const auto count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(c),
        parts.data(),
        static_cast<utf8proc_ssize_t>(parts.size()),
        static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT),
        &boundary);
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
      out.push_back(static_cast<char32_t>(parts[i]));
    }
  }

  static std::uint64_t pair_key(char32_t first, char32_t second) {
    return std::uint64_t{first} << 32 | second;
  }

  std::unordered_map<char32_t, std::array<char32_t, 2>> decompositions_;
  std::unordered_map<std::uint64_t, char32_t> compositions_;
  std::unordered_map<char32_t, std::uint8_t> classes_;
  std::unordered_set<char32_t> compatible_;
};

/// Decomposition of `text` in canonical order.
std::vector<Tagged> decompose(std::string_view text, bool compatibility) {
  const NfcTables& tables = NfcTables::instance();
  std::vector<Tagged> out;
  out.reserve(text.size());
  std::vector<char32_t> parts;
  std::size_t marks = 0; // where the current run of marks begins
  const auto sort_marks = [&] {
    std::stable_sort(
        out.begin() + static_cast<std::ptrdiff_t>(marks),
        out.end(),
        [](const Tagged& a, const Tagged& b) {
          return a.combining_class < b.combining_class;
        });
  };
  for (const char* at = text.data(); at != text.data() + text.size();) {
    parts.clear();
    tables.decompose(next_code_point(at), compatibility, parts);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::uint8_t combining_class = tables.combining_class(parts[i]);
      if (combining_class == 0) {
        sort_marks();
        marks = out.size() + 1;
      }
      out.push_back({parts[i], i == 0 ? 0 : 1, combining_class});
    }
  }
  sort_marks();
  return out;
}

/// Composes each starter with the marks that nothing blocks from it, in place.
void compose(std::vector<Tagged>& text) {
  const NfcTables& tables = NfcTables::instance();
  std::size_t kept = 0;
  std::size_t starter =
      text.size(); // index of the current starter among those kept; none yet
  std::uint8_t last_class =
      0; // of the mark before, when one was kept since the starter
  for (const Tagged& next : text) {
    const bool adjacent = starter != text.size() && starter + 1 == kept;
    const bool reachable = starter != text.size() &&
                           (adjacent || last_class < next.combining_class);
    const char32_t composed =
        reachable ? tables.compose(text[starter].c, next.c) : 0;
    if (composed != 0) {
      text[starter].c = composed;
      text[starter].change += next.change - 1;
      continue;
    }
    if (next.combining_class == 0) {
      starter = kept;
    }
    last_class = next.combining_class;
    text[kept++] = next;
  }
  text.resize(kept);
}

class UnicodeNormalizer : public Normalizer {
 public:
  explicit UnicodeNormalizer(UnicodeForm form) : form_(form) {}

  AlignedText normalize(AlignedText text) const override {
    if (is_inert(text.view())) {
      return text;
    }
    const bool compatibility =
        form_ == UnicodeForm::kNfkc || form_ == UnicodeForm::kNfkd;
    std::vector<Tagged> characters = decompose(text.view(), compatibility);
    if (form_ == UnicodeForm::kNfc || form_ == UnicodeForm::kNfkc) {
      compose(characters);
    }
    std::vector<Change> changes;
    changes.reserve(characters.size());
    for (const Tagged& character : characters) {
      changes.push_back({character.c, character.change});
    }
    return rewrite(text, changes);
  }

 private:
  /// Whether no character of `text` can change.
  bool is_inert(std::string_view text) const {
    const CharClasses& classes = CharClasses::instance();
    for (const char* at = text.data(); at != text.data() + text.size();) {
      const char32_t c = next_code_point(at);
      const bool changes = form_ == UnicodeForm::kNfc
                               ? (classes.of(c) & kNfcActive) != 0
                               : c >= 0x80;
      if (changes) {
        return false;
      }
    }
    return true;
  }

  UnicodeForm form_;
};

} // namespace

NormalizerPtr make_unicode_form(UnicodeForm form) {
  return std::make_unique<UnicodeNormalizer>(form);
}

} // namespace ma::tok
