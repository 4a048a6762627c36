// From documents and options to windows, with every option checked.
#include "libma/eval/windows.h"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "libma/core/error.h"
#include "libma/eval/protocols.h"

namespace ma {
namespace {

void require(const Protocol& protocol, bool holds, std::string_view problem) {
  if (!holds) {
    throw ConfigError(protocol.info.name, problem);
  }
}

std::int64_t window_length(
    const Protocol& protocol, const WindowOptions& options) {
  const ProtocolInfo& info = protocol.info;
  require(
      protocol,
      options.window == 0 || options.window >= protocol.min_window,
      c10::str(
          "window ",
          options.window,
          " is too short; use at least ",
          protocol.min_window));
  require(
      protocol,
      !info.is_window_fixed || options.window == 0 ||
          options.window == info.window,
      c10::str(
          "the window is ",
          info.window,
          " by name, got ",
          options.window,
          "; use the protocol without a number"));
  require(
      protocol,
      options.window > 0 || info.window > 0,
      "a window is needed: give the model's longest context");
  return options.window > 0 ? options.window : info.window;
}

std::int64_t stride_length(
    const Protocol& protocol,
    const WindowOptions& options,
    std::int64_t window) {
  require(
      protocol,
      options.stride == 0 || protocol.has_stride,
      "there is no stride in this protocol; use hf-sliding");
  require(
      protocol,
      options.stride >= 0 && options.stride <= window,
      c10::str(
          "stride ",
          options.stride,
          " is not within 1 and the window of ",
          window,
          " tokens, so that tokens would be passed over"));
  return options.stride > 0 ? options.stride : window;
}

/// Checks the options and fills in what does not depend on the text.
WindowSet start(const Protocol& protocol, const WindowOptions& options) {
  require(
      protocol,
      options.max_windows >= 0 && options.max_documents >= 0,
      "a limit is negative; use 0 for none");
  require(
      protocol,
      !protocol.cuts_each_document || options.max_windows == 0,
      "only whole documents give a number per word; leave max_windows out and "
      "limit max_documents");
  require(
      protocol,
      protocol.cuts_each_document || options.max_documents == 0,
      "the text is one document; limit max_windows");
  WindowSet set;
  set.protocol = protocol.info.name;
  set.bos = options.bos.value_or(protocol.info.bos);
  set.window = window_length(protocol, options);
  set.stride = stride_length(protocol, options, set.window);
  set.aggregation = protocol.aggregation;
  return set;
}

void finish(
    const Protocol& protocol, const WindowOptions& options, WindowSet& set) {
  require(
      protocol,
      !set.windows.empty(),
      c10::str(
          "the text has ",
          set.text_tokens,
          " tokens, too few for a window of ",
          set.window));
  const auto limit = static_cast<std::size_t>(options.max_windows);
  if (limit > 0 && set.windows.size() > limit) {
    set.windows.resize(limit);
  }
}

/// Adds the windows of one document.
void add_document(
    const Protocol& protocol,
    const Tokenizer& tokenizer,
    const Document& document,
    WindowSet& set) {
  const bool has_bos = adds_bos(set.bos, tokenizer, document.text);
  const bool is_in_text = protocol.bos_place == BosPlace::kTextStart;
  const auto ids = tokenizer
                       .encode_with_offsets(
                           document.text,
                           {.add_bos = has_bos && is_in_text,
                            .parse_special = protocol.parses_special})
                       .ids;
  WindowCut cut;
  cut.window = set.window;
  cut.stride = set.stride;
  cut.bos = has_bos ? tokenizer.bos_id() : std::nullopt;
  cut.prefix = protocol.cuts_each_document ? prefix_id(set.bos, tokenizer) : 0;
  auto windows = protocol.cut(ids, cut);
  std::move(windows.begin(), windows.end(), std::back_inserter(set.windows));
  set.has_bos = set.has_bos || has_bos;
  set.text_tokens += static_cast<std::int64_t>(ids.size());
}

} // namespace

WindowSet make_windows(
    const std::vector<Document>& documents,
    const Tokenizer& tokenizer,
    const WindowOptions& options) {
  const Protocol& protocol = find_protocol(options.protocol);
  WindowSet set = start(protocol, options);
  require(
      protocol,
      protocol.cuts_each_document || documents.size() == 1,
      c10::str(
          "one text is expected, got ",
          documents.size(),
          " documents; join them first"));
  const auto limit = static_cast<std::size_t>(options.max_documents);
  const auto count =
      limit > 0 ? std::min(limit, documents.size()) : documents.size();
  std::int64_t bytes = 0;
  std::int64_t words = 0;
  for (std::size_t i = 0; i < count; ++i) {
    add_document(protocol, tokenizer, documents[i], set);
    bytes += documents[i].bytes;
    words += documents[i].words;
  }
  if (protocol.cuts_each_document) {
    set.bytes = bytes;
    set.words = words;
  }
  finish(protocol, options, set);
  return set;
}

WindowSet make_windows(
    const std::vector<std::int64_t>& ids, const WindowOptions& options) {
  const Protocol& protocol = find_protocol(options.protocol);
  require(
      protocol,
      !protocol.writes_tokens,
      "the protocol puts tokens into the windows, so it needs a text and its "
      "tokenizer, not ids");
  require(
      protocol,
      !options.bos || *options.bos == BosProfile::kNoBos,
      "ids are taken as they are: put the BOS there and use the profile nobos");
  WindowSet set = start(protocol, options);
  set.bos = BosProfile::kNoBos;
  set.text_tokens = static_cast<std::int64_t>(ids.size());
  WindowCut cut;
  cut.window = set.window;
  cut.stride = set.stride;
  set.windows = protocol.cut(ids, cut);
  finish(protocol, options, set);
  return set;
}

} // namespace ma
