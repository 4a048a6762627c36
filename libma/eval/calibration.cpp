// Cutting joined texts, or each text by itself.
#include "libma/eval/calibration.h"

#include <algorithm>

#include "libma/core/error.h"

namespace ma {
namespace {

using Ids = std::vector<std::int64_t>;

/// Tokens in reserve, so that where the text was broken off does not change an
/// id that is used.
constexpr std::size_t kReserve = 64;

/// At least the first `needed` ids of the texts joined by "\n\n", or all of
/// them.
Ids encode_joined(
    const Tokenizer& tokenizer,
    const std::vector<std::string>& texts,
    std::size_t needed) {
  std::string joined;
  std::size_t used = 0;
  std::size_t bytes = 8 * needed;
  while (true) {
    for (; used < texts.size() && joined.size() < bytes; ++used) {
      joined += (used == 0 ? "" : "\n\n") + texts[used];
    }
    Ids ids = tokenizer.encode_with_offsets(joined).ids;
    if (used == texts.size() || ids.size() >= needed + kReserve) {
      return ids;
    }
    bytes *= 2;
  }
}

/// The beginnings of sequences, each of `room` ids.
std::vector<Ids> cut(
    const Tokenizer& tokenizer,
    const std::vector<std::string>& texts,
    const CutOptions& options,
    std::size_t room) {
  const auto wanted = static_cast<std::size_t>(options.sequences);
  std::vector<Ids> sequences;
  if (options.mode == CutMode::kJoined) {
    const Ids ids = encode_joined(tokenizer, texts, wanted * room);
    for (std::size_t i = 0; i < std::min(wanted, ids.size() / room); ++i) {
      const auto first = ids.begin() + static_cast<std::ptrdiff_t>(i * room);
      sequences.emplace_back(first, first + static_cast<std::ptrdiff_t>(room));
    }
    return sequences;
  }
  for (std::size_t i = 0; i < texts.size() && sequences.size() < wanted; ++i) {
    Ids ids = tokenizer.encode_with_offsets(texts[i]).ids;
    if (ids.size() >= room) {
      ids.resize(room);
      sequences.push_back(std::move(ids));
    }
  }
  return sequences;
}

} // namespace

std::string_view cut_mode_name(CutMode mode) {
  return mode == CutMode::kJoined ? "joined" : "documents";
}

CutMode parse_cut_mode(const std::string& name, std::string_view where) {
  for (const CutMode mode : {CutMode::kJoined, CutMode::kDocuments}) {
    if (cut_mode_name(mode) == name) {
      return mode;
    }
  }
  throw UnknownNameError(
      where, "way to cut texts", name, {"joined", "documents"});
}

torch::Tensor cut_sequences(
    const Tokenizer& tokenizer,
    const std::vector<std::string>& texts,
    const CutOptions& options) {
  const auto bos = options.add_bos ? tokenizer.bos_id() : std::nullopt;
  const std::int64_t n_special = options.add_bos ? 1 : 0;
  if (options.sequences < 1 || options.length <= n_special) {
    throw ConfigError(
        "calibration",
        c10::str(
            "cannot cut ",
            options.sequences,
            " sequences of ",
            options.length,
            options.add_bos ? " tokens, BOS included" : " tokens",
            "; ask for more"));
  }
  if (options.add_bos && !bos) {
    throw ConfigError(
        "calibration", "the tokenizer has no BOS; leave add_bos out");
  }
  const auto found =
      cut(tokenizer,
          texts,
          options,
          static_cast<std::size_t>(options.length - n_special));
  if (static_cast<std::int64_t>(found.size()) < options.sequences) {
    throw ConfigError(
        "calibration",
        c10::str(
            texts.size(),
            " texts (",
            cut_mode_name(options.mode),
            ") have only ",
            found.size(),
            " sequences of ",
            options.length,
            " tokens, not ",
            options.sequences,
            "; give more text or ask for less"));
  }
  auto sequences =
      at::empty({options.sequences, options.length}, torch::kInt64);
  for (std::size_t row = 0; row < found.size(); ++row) {
    auto* out = sequences.mutable_data_ptr<std::int64_t>() +
                static_cast<std::int64_t>(row) * options.length;
    if (bos) {
      *out++ = *bos;
    }
    std::copy(found[row].begin(), found[row].end(), out);
  }
  return sequences;
}

} // namespace ma
