// Tokenizer: text to ids and back, exactly as Hugging Face `tokenizers` does
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libma/core/tensor.h"

namespace ma {

/// Ids of a text and the bytes each one came from.
///
/// Offsets are those of Hugging Face, in bytes instead of characters: whole
/// characters, also where several tokens share one; without the white space at
/// the ends where the tokenizer's post-processor trims it (`trim_offsets`:
/// Pythia does, GPT-2 and SmolLM2 do not). One difference: a byte that the
/// vocabulary lacks has no token, and Hugging Face's offsets are wrong from
/// there to the end of the word; these are right.
struct Encoding {
  std::vector<std::int64_t> ids;
  std::vector<std::pair<std::size_t, std::size_t>>
      offsets; ///< [first, last) byte in the text; empty range for an added BOS
};

struct EncodeOptions {
  bool add_bos = false;      ///< put `bos_id()` in front; ConfigError when the
                             ///< tokenizer has none
  bool parse_special = true; ///< special tokens written out in the text become
                             ///< their ids, as Hugging Face does
};

/// Immutable; `encode` and `decode` may be called from several threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Ids of `text` (UTF-8) with byte offsets. Throws Error, with the position,
  /// when `text` is not UTF-8.
  virtual Encoding encode_with_offsets(
      std::string_view text, const EncodeOptions& options = {}) const = 0;

  /// Text of `ids`; bytes that are not UTF-8 become U+FFFD, as Hugging Face
  /// does. Throws ShapeError on an id out of range.
  virtual std::string decode(
      const std::vector<std::int64_t>& ids,
      bool skip_special = false) const = 0;

  /// The vocabulary's own spelling of `id` ("Ġis"). Throws ShapeError on an id
  /// out of range.
  virtual const std::string& token(std::int64_t id) const = 0;

  virtual std::optional<std::int64_t> bos_id() const = 0;
  virtual std::optional<std::int64_t> eos_id() const = 0;

  /// Whether the checkpoint asks for a BOS in front of each text by default.
  /// libma never adds one unasked; records print this.
  virtual bool adds_bos_by_default() const = 0;

  /// Number of ids, added tokens included.
  virtual std::int64_t vocab_size() const = 0;

  /// Ids of `text` as int64 [pos], no BOS unless asked for.
  torch::Tensor encode(
      std::string_view text, const EncodeOptions& options = {}) const;

  /// Text of int64 `ids` [pos].
  std::string decode(const torch::Tensor& ids, bool skip_special = false) const;
};

/// Reads the tokenizer of a model: `tokenizer.json` of a folder, or else its
/// `tokenizer.model`, or a `.gguf` file's metadata. FileError when there is
/// none, ConfigError when its kind is not supported, naming the kind.
std::unique_ptr<Tokenizer> load_tokenizer(
    const std::filesystem::path& model_path);

} // namespace ma
