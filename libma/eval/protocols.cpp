// How each perplexity protocol cuts a text into windows.
#include "libma/eval/protocols.h"

#include <algorithm>
#include <array>
#include <utility>

#include "libma/core/error.h"

namespace ma {
namespace {

using Ids = std::vector<std::int64_t>;

std::int64_t size_of(const Ids& ids) {
  return static_cast<std::int64_t>(ids.size());
}

/// ids[first, last).
Ids slice(const Ids& ids, std::int64_t first, std::int64_t last) {
  return {ids.begin() + first, ids.begin() + last};
}

Window whole_window(Ids ids, std::int64_t first_target) {
  const auto n_inputs = size_of(ids);
  return {std::move(ids), n_inputs, first_target};
}

/// Windows side by side; a last partial one is dropped; all but the first token
/// of each are scored.
std::vector<Window> cut_side_by_side(const Ids& ids, const WindowCut& cut) {
  std::vector<Window> windows;
  for (std::int64_t first = 0; first + cut.window <= size_of(ids);
       first += cut.window) {
    windows.push_back(whole_window(slice(ids, first, first + cut.window), 1));
  }
  return windows;
}

/// The same with a BOS in front of each window, which counts as one of its
/// tokens.
std::vector<Window> cut_behind_bos(const Ids& ids, const WindowCut& cut) {
  if (!cut.bos) {
    return cut_side_by_side(ids, cut);
  }
  std::vector<Window> windows;
  const auto body = cut.window - 1;
  for (std::int64_t first = 0; first + body <= size_of(ids); first += body) {
    Ids row = slice(ids, first, first + body);
    row.insert(row.begin(), *cut.bos);
    windows.push_back(whole_window(std::move(row), 1));
  }
  return windows;
}

/// Windows that overlap; only what the previous ones did not reach is scored;
/// the last ends with the text.
std::vector<Window> cut_sliding(const Ids& ids, const WindowCut& cut) {
  std::vector<Window> windows;
  std::int64_t scored = 1; // nothing predicts the first token
  for (std::int64_t first = 0; scored < size_of(ids); first += cut.stride) {
    const auto last = std::min(first + cut.window, size_of(ids));
    const auto first_target = std::max<std::int64_t>(scored - first, 1);
    if (first_target < last - first) {
      windows.push_back(whole_window(slice(ids, first, last), first_target));
    }
    scored = last;
  }
  return windows;
}

/// Side by side, the first token overwritten by the BOS; the second half of
/// each is scored (llama.cpp `tools/perplexity`).
std::vector<Window> cut_second_halves(const Ids& ids, const WindowCut& cut) {
  auto windows = cut_side_by_side(ids, cut);
  for (Window& window : windows) {
    window.ids.front() = cut.bos.value_or(window.ids.front());
    window.first_target = cut.window / 2 + 1;
  }
  return windows;
}

/// Every token once (lm-evaluation-harness `get_rolling_token_windows`, context
/// length 1): the first window starts from the prefix token, each later one
/// from the last token of its predecessor; a short last one is filled up to a
/// full input on the left.
std::vector<Window> cut_rolling(const Ids& ids, const WindowCut& cut) {
  std::vector<Window> windows;
  std::int64_t scored = std::min(cut.window, size_of(ids));
  if (scored > 0) {
    Ids row = slice(ids, 0, scored);
    row.insert(row.begin(), cut.prefix);
    windows.push_back({std::move(row), scored, 1});
  }
  while (scored < size_of(ids)) {
    const auto fresh = std::min(cut.window, size_of(ids) - scored);
    scored += fresh;
    windows.push_back(
        {slice(ids, scored - cut.window - 1, scored),
         cut.window,
         cut.window + 1 - fresh});
  }
  return windows;
}

Protocol side_by_side(
    const char* name, std::int64_t window, bool is_fixed, BosProfile bos) {
  return {
      .info =
          {name,
           "windows side by side, a last partial one dropped; all but the "
           "first token of each scored; mean over windows",
           window,
           is_fixed,
           bos},
      .cut = cut_side_by_side};
}

/// The list. A new protocol is one entry here.
const std::vector<Protocol>& protocols() {
  static const std::vector<Protocol> list = {
      side_by_side("paper", 2048, false, BosProfile::kNoBos),
      side_by_side("paper-2048", 2048, true, BosProfile::kNoBos),
      side_by_side("paper-4096", 4096, true, BosProfile::kNoBos),
      side_by_side("gptq", 2048, false, BosProfile::kLmEvalCurrent),
      side_by_side("gptq-2048", 2048, true, BosProfile::kLmEvalCurrent),
      side_by_side("gptq-4096", 4096, true, BosProfile::kLmEvalCurrent),
      {.info =
           {"replication",
            "as paper, a BOS in front of every window and counted in its "
            "length; mean over windows",
            4096,
            false,
            BosProfile::kBos},
       .cut = cut_behind_bos,
       .bos_place = BosPlace::kEachWindow,
       .writes_tokens = true},
      {.info =
           {"hf-sliding",
            "windows moved by a stride; only the new tokens of each scored; "
            "the last ends with the text; mean over tokens",
            0,
            false,
            BosProfile::kLmEvalCurrent},
       .cut = cut_sliding,
       .aggregation = Aggregation::kTokenMean,
       .has_stride = true},
      {.info =
           {"llama.cpp",
            "windows side by side, their first token overwritten by the BOS "
            "if the vocabulary adds one; second halves scored; mean over "
            "tokens",
            512,
            false,
            BosProfile::kLmEvalCurrent},
       .cut = cut_second_halves,
       .aggregation = Aggregation::kTokenMean,
       .writes_tokens = true,
       .parses_special = false,
       .min_window = 3},
      {.info =
           {"lm-eval-rolling",
            "each document by itself, every token scored once, the first from "
            "a prefix token; mean over tokens, per word and per byte",
            0,
            false,
            BosProfile::kLmEvalCurrent},
       .cut = cut_rolling,
       .aggregation = Aggregation::kTokenMean,
       .cuts_each_document = true,
       .writes_tokens = true,
       .min_window = 1},
  };
  return list;
}

} // namespace

const Protocol& find_protocol(const std::string& name) {
  std::vector<std::string> names;
  for (const Protocol& protocol : protocols()) {
    if (protocol.info.name == name) {
      return protocol;
    }
    names.push_back(protocol.info.name);
  }
  throw UnknownNameError("perplexity", "protocol", name, names);
}

std::vector<ProtocolInfo> perplexity_protocols() {
  std::vector<ProtocolInfo> infos;
  for (const Protocol& protocol : protocols()) {
    infos.push_back(protocol.info);
  }
  return infos;
}

} // namespace ma
