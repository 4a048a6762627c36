// The normalizers that need no tables of their own.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "libma/io/tokenizer/char_class.h"
#include "libma/io/tokenizer/code_points.h"
#include "libma/io/tokenizer/normalizer.h"
#include "libma/io/tokenizer/unicode_ranges.h"

namespace ma::tok {
namespace {

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}

  AlignedText normalize(AlignedText text) const override {
    if (text.view().empty()) {
      return text;
    }
    TextWriter writer(text);
    writer.insert(prefix_, text.source({0, 1}));
    writer.copy({0, text.view().size()});
    return writer.finish();
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(std::unique_ptr<Matcher> matcher, std::string content)
      : matcher_(std::move(matcher)), content_(std::move(content)) {}

  AlignedText normalize(AlignedText text) const override {
    if (text.view().empty()) {
      return text;
    }
    std::vector<Match> matches;
    matcher_->find(text.view(), matches);
    const bool found =
        std::any_of(matches.begin(), matches.end(), [](const Match& match) {
          return match.matched;
        });
    if (!found) {
      return text;
    }
    TextWriter writer(text);
    for (const Match& match : matches) {
      if (match.matched) {
        const std::size_t last = match.span.last;
        writer.insert(content_, text.source({last == 0 ? 0 : last - 1, last}));
      } else {
        writer.copy(match.span);
      }
    }
    return writer.finish();
  }

 private:
  std::unique_ptr<Matcher> matcher_;
  std::string content_;
};

/// `text` with only the characters that `keep` accepts.
template <class Keep>
AlignedText filter(const AlignedText& text, const Keep& keep) {
  const std::string_view old = text.view();
  std::vector<Change> changes;
  std::size_t leading = 0; // removed in front of the first that stays
  std::size_t total = 0;
  for (const char* at = old.data(); at != old.data() + old.size();) {
    const char32_t c = next_code_point(at);
    if (keep(c)) {
      changes.push_back({c, 0});
    } else if (++total; changes.empty()) {
      ++leading;
    } else {
      --changes.back().change;
    }
  }
  return total == 0 ? text : rewrite(text, changes, leading);
}

/// `text` with each character replaced by `map` of it.
template <class Map>
AlignedText map_characters(const AlignedText& text, const Map& map) {
  const std::string_view old = text.view();
  std::vector<Change> changes;
  bool changed = false;
  for (const char* at = old.data(); at != old.data() + old.size();) {
    const char32_t c = next_code_point(at);
    changes.push_back({map(c), 0});
    changed = changed || changes.back().c != c;
  }
  return changed ? rewrite(text, changes) : text;
}

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}

  AlignedText normalize(AlignedText text) const override {
    const CharClasses& classes = CharClasses::instance();
    const std::string_view old = text.view();
    std::size_t n_characters = 0, n_leading = 0, n_trailing = 0;
    for (const char* at = old.data(); at != old.data() + old.size();) {
      const bool space = (classes.of(next_code_point(at)) & kSpace) != 0;
      n_leading += space && n_leading == n_characters ? 1 : 0;
      n_trailing = space ? n_trailing + 1 : 0;
      ++n_characters;
    }
    const std::size_t first = left_ ? n_leading : 0;
    const std::size_t last = n_characters - (right_ ? n_trailing : 0);
    std::size_t number = 0;
    return filter(text, [&](char32_t) {
      const bool kept = first <= number && number < last;
      ++number;
      return kept;
    });
  }

 private:
  bool left_;
  bool right_;
};

class StripAccents : public Normalizer {
 public:
  StripAccents() : marks_(0x110000, false) {
    for (const CodePointRange& range : mark_ranges()) {
      std::fill_n(
          marks_.begin() + range.first, range.last - range.first + 1, true);
    }
  }

  AlignedText normalize(AlignedText text) const override {
    return filter(text, [this](char32_t c) { return !marks_[c]; });
  }

 private:
  std::vector<bool> marks_;
};

class Lowercase : public Normalizer {
 public:
  Lowercase() {
    for (const LowercaseRun& run : lowercase_runs()) {
      for (auto c = static_cast<int>(run.first);
           c <= static_cast<int>(run.last);
           c += run.step) {
        lower_[static_cast<char32_t>(c)] = static_cast<char32_t>(c + run.delta);
      }
    }
  }

  AlignedText normalize(AlignedText text) const override {
    const std::string_view old = text.view();
    std::vector<Change> changes;
    for (const char* at = old.data(); at != old.data() + old.size();) {
      const char32_t c = next_code_point(at);
      if (c == 0x130) { // the only one that becomes two: i and a dot above
        changes.push_back({U'i', 0});
        changes.push_back({0x307, 1});
      } else {
        const auto found = lower_.find(c);
        changes.push_back({found == lower_.end() ? c : found->second, 0});
      }
    }
    return rewrite(text, changes);
  }

 private:
  std::unordered_map<char32_t, char32_t> lower_;
};

/// The rules of SentencePiece's builder.cc for "nmt_nfkc".
class Nmt : public Normalizer {
 public:
  AlignedText normalize(AlignedText text) const override {
    return map_characters(filter(text, &Nmt::is_kept), &Nmt::mapped);
  }

 private:
  static bool is_kept(char32_t c) {
    const bool control = (c >= 0x1 && c <= 0x8) || c == 0xB ||
                         (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F ||
                         c == 0x9F;
    return !control;
  }

  static char32_t mapped(char32_t c) {
    const bool space = c == 0x9 || c == 0xA || c == 0xC || c == 0xD ||
                       c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                       c == 0x2028 || c == 0x2029 || c == 0x2581 ||
                       c == 0xFEFF || c == 0xFFFD;
    return space ? U' ' : c;
  }
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(std::vector<NormalizerPtr> stages)
      : stages_(std::move(stages)) {}

  AlignedText normalize(AlignedText text) const override {
    for (const NormalizerPtr& stage : stages_) {
      text = stage->normalize(std::move(text));
    }
    return text;
  }

 private:
  std::vector<NormalizerPtr> stages_;
};

} // namespace

NormalizerPtr make_prepend(std::string prefix) {
  return std::make_unique<Prepend>(std::move(prefix));
}

NormalizerPtr make_replace(
    std::unique_ptr<Matcher> matcher, std::string content) {
  return std::make_unique<Replace>(std::move(matcher), std::move(content));
}

NormalizerPtr make_strip(bool left, bool right) {
  return std::make_unique<Strip>(left, right);
}

NormalizerPtr make_strip_accents() {
  return std::make_unique<StripAccents>();
}

NormalizerPtr make_lowercase() {
  return std::make_unique<Lowercase>();
}

NormalizerPtr make_nmt() {
  return std::make_unique<Nmt>();
}

NormalizerPtr make_normalizer_sequence(std::vector<NormalizerPtr> stages) {
  return std::make_unique<NormalizerSequence>(std::move(stages));
}

} // namespace ma::tok
