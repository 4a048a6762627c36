// The list of perplexity protocols: what each one is, and how it cuts a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libma/eval/windows.h"

namespace ma {

/// What a protocol needs to know besides the text's ids.
struct WindowCut {
  std::int64_t window = 0;         ///< tokens
  std::int64_t stride = 0;         ///< tokens
  std::optional<std::int64_t> bos; ///< set when the profile asks for a BOS
  std::int64_t prefix = 0; ///< what the first scored token is conditioned on
};

/// The windows of one text, in order.
using CutFn = std::vector<Window> (*)(
    const std::vector<std::int64_t>& ids, const WindowCut& options);

/// Where a protocol puts the BOS that a profile asks for.
enum class BosPlace { kTextStart, kEachWindow };

struct Protocol {
  ProtocolInfo info;
  CutFn cut = nullptr;
  Aggregation aggregation = Aggregation::kWindowMean;
  BosPlace bos_place = BosPlace::kTextStart;
  bool cuts_each_document = false; ///< else one text
  bool has_stride = false;
  bool writes_tokens = false;  ///< puts a BOS or prefix into windows
  bool parses_special = true;  ///< special tokens in the text become their ids
  std::int64_t min_window = 2; ///< tokens
};

/// The protocol called `name`. Throws UnknownNameError with the nearest names.
const Protocol& find_protocol(const std::string& name);

} // namespace ma
