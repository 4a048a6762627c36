// NFC: canonical decomposition, canonical order, canonical composition (Unicode
// annex 15).
#include <algorithm>
#include <array>
#include <cstdint>
#include <unordered_map>

#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/nfc_data.h"
#include "libma/io/tokenizer/normalizer.h"

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

/// A character and how it relates to the characters replaced: 0 replaces the
/// next one, n > 0 is inserted, n < 0 replaces the next one and removes -n
/// more. This bookkeeping decides the offsets that Hugging Face reports.
struct Tagged {
  char32_t c;
  int change;
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
  void decompose(char32_t c, std::vector<char32_t>& out) const {
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
    decompose(found->second[0], out);
    if (found->second[1] != 0) {
      decompose(found->second[1], out);
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
  }

  static std::uint64_t pair_key(char32_t first, char32_t second) {
    return std::uint64_t{first} << 32 | second;
  }

  std::unordered_map<char32_t, std::array<char32_t, 2>> decompositions_;
  std::unordered_map<std::uint64_t, char32_t> compositions_;
  std::unordered_map<char32_t, std::uint8_t> classes_;
};

/// Decomposition of `text` in canonical order.
std::vector<Tagged> decompose(std::string_view text) {
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
    tables.decompose(next_code_point(at), parts);
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

/// `text` replaced by `changed`, each new character aligned as Hugging Face's
/// NormalizedString does it.
AlignedText realign(
    const AlignedText& text, const std::vector<Tagged>& changed) {
  const std::string_view old = text.view();
  std::string bytes;
  std::vector<Span> sources;
  bytes.reserve(old.size());
  sources.reserve(old.size());
  std::size_t at = 0;
  const auto skip_character = [&] {
    at += at < old.size() ? utf8_length(old[at]) : 0;
  };
  for (const Tagged& next : changed) {
    // An inserted character belongs to the one before.
    const std::size_t origin =
        next.change > 0 && at > 0 ? at - 1 : std::min(at, old.size() - 1);
    const Span source = text.source({origin, origin + 1});
    for (int i = next.change; i <= 0; ++i) {
      skip_character();
    }
    append_utf8(bytes, next.c);
    sources.resize(bytes.size(), source);
  }
  return {std::move(bytes), std::move(sources)};
}

class Nfc : public Normalizer {
 public:
  AlignedText normalize(AlignedText text) const override {
    if (is_inert(text.view())) {
      return text;
    }
    std::vector<Tagged> characters = decompose(text.view());
    compose(characters);
    return realign(text, characters);
  }

 private:
  static bool is_inert(std::string_view text) {
    const CharClasses& classes = CharClasses::instance();
    for (const char* at = text.data(); at != text.data() + text.size();) {
      if ((classes.of(next_code_point(at)) & kNfcActive) != 0) {
        return false;
      }
    }
    return true;
  }
};

} // namespace

std::unique_ptr<Normalizer> make_nfc() {
  return std::make_unique<Nfc>();
}

} // namespace ma::tok
