// Calibration sequences: texts cut into rows of ids of one length.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/io/tokenizer/tokenizer.h"

namespace ma {

/// How texts become sequences.
enum class CutMode {
  kJoined,   ///< texts joined by "\n\n", tokenised as one, cut into chunks (Sun
             ///< et al. 2024)
  kDocuments ///< the beginning of each text that has enough tokens
};

/// "joined", "documents".
std::string_view cut_mode_name(CutMode mode);

/// The mode that cut_mode_name names. Throws UnknownNameError located at
/// `where`.
CutMode parse_cut_mode(const std::string& name, std::string_view where);

struct CutOptions {
  std::int64_t sequences = 32;
  std::int64_t length = 512; ///< tokens of a sequence, a BOS included
  bool add_bos = false; ///< put the tokenizer's BOS in front of each sequence
  CutMode mode = CutMode::kJoined;
};

/// The first `sequences` sequences of `texts`: int64 [sequences, length].
/// Nothing is drawn at random, no special token is added unasked, and no more
/// text is tokenised than is needed. Throws ConfigError when the texts are too
/// short, saying how many sequences they have, or when a BOS is asked for that
/// the tokenizer does not have.
torch::Tensor cut_sequences(
    const Tokenizer& tokenizer,
    const std::vector<std::string>& texts,
    const CutOptions& options = {});

} // namespace ma
