// Cutting at matches: the behaviours that Hugging Face's Split, Digits,
// Punctuation and ByteLevel share.
#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "libma/core/error.h"
#include "libma/io/tokenizer/pre_tokenizer.h"

namespace ma::tok {
namespace {

const std::array<std::pair<const char*, SplitBehavior>, 5> kBehaviors = {{
    {"Removed", SplitBehavior::kRemoved},
    {"Isolated", SplitBehavior::kIsolated},
    {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
    {"MergedWithNext", SplitBehavior::kMergedWithNext},
    {"Contiguous", SplitBehavior::kContiguous},
}};

/// Joins neighbours in `matches`: a match with the gap before it (or behind
/// it), or everything alike.
std::vector<Span> merge(
    const std::vector<Match>& matches, SplitBehavior behavior) {
  std::vector<Span> out;
  const bool backwards = behavior == SplitBehavior::kMergedWithNext;
  bool previous_matched = false;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    const Match& match = matches[backwards ? matches.size() - 1 - i : i];
    const bool joins = behavior == SplitBehavior::kContiguous
                           ? match.matched == previous_matched
                           : match.matched && !previous_matched;
    previous_matched = match.matched;
    if (!joins || out.empty()) {
      out.push_back(match.span);
    } else if (backwards) {
      out.back().first = match.span.first;
    } else {
      out.back().last = match.span.last;
    }
  }
  if (backwards) {
    std::reverse(out.begin(), out.end());
  }
  return out;
}

class Split : public PreTokenizer {
 public:
  Split(std::unique_ptr<Matcher> matcher, SplitBehavior behavior, bool inverted)
      : matcher_(std::move(matcher)),
        behavior_(behavior),
        inverted_(inverted) {}

  void split(PieceList& list) const override {
    const std::string_view text = list.text->view();
    std::vector<Span> pieces;
    if (!list.pieces.empty()) {
      pieces.reserve(
          list.pieces.size() +
          (list.pieces.back().last - list.pieces.front().first) / 5);
    }
    std::vector<Match> matches;
    for (const Span piece : list.pieces) {
      matches.clear();
      matcher_->find(slice(text, piece), matches);
      add_pieces(matches, piece.first, pieces);
    }
    list.pieces = std::move(pieces);
  }

 private:
  /// Appends what is left of `matches`, which are relative to `offset`.
  void add_pieces(
      std::vector<Match>& matches,
      std::size_t offset,
      std::vector<Span>& pieces) const {
    const auto add = [&](Span span) {
      if (span.size() != 0) {
        pieces.push_back({offset + span.first, offset + span.last});
      }
    };
    if (inverted_) {
      for (Match& match : matches) {
        match.matched = !match.matched;
      }
    }
    if (behavior_ == SplitBehavior::kIsolated ||
        behavior_ == SplitBehavior::kRemoved) {
      for (const Match& match : matches) {
        if (behavior_ == SplitBehavior::kIsolated || !match.matched) {
          add(match.span);
        }
      }
      return;
    }
    for (const Span span : merge(matches, behavior_)) {
      add(span);
    }
  }

  std::unique_ptr<Matcher> matcher_;
  SplitBehavior behavior_;
  bool inverted_;
};

class Sequence : public PreTokenizer {
 public:
  explicit Sequence(std::vector<PreTokenizerPtr> stages)
      : stages_(std::move(stages)) {}

  void split(PieceList& list) const override {
    for (const PreTokenizerPtr& stage : stages_) {
      stage->split(list);
    }
  }

 private:
  std::vector<PreTokenizerPtr> stages_;
};

} // namespace

SplitBehavior parse_split_behavior(
    std::string_view name, std::string_view where) {
  std::vector<std::string> known;
  for (const auto& [known_name, behavior] : kBehaviors) {
    if (name == known_name) {
      return behavior;
    }
    known.emplace_back(known_name);
  }
  throw UnknownNameError(where, "split behavior", name, known);
}

PreTokenizerPtr make_split(
    std::unique_ptr<Matcher> matcher, SplitBehavior behavior, bool inverted) {
  return std::make_unique<Split>(std::move(matcher), behavior, inverted);
}

PreTokenizerPtr make_sequence(std::vector<PreTokenizerPtr> stages) {
  return std::make_unique<Sequence>(std::move(stages));
}

} // namespace ma::tok
