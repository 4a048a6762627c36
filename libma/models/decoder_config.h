// The sizes and options of a decoder, whatever checkpoint they were read from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "libma/core/tensor.h"
#include "libma/models/transformer_config.h"
#include "libma/nn/attention_mask.h"
#include "libma/nn/rope.h"

namespace ma {

/// The sizes and options of a decoder, read from a checkpoint's configuration.
struct DecoderConfig : TransformerConfig {
  std::int64_t vocab = 0;
  std::int64_t max_positions = 0; ///< longest context, tokens

  // Places.
  nn::RopeConfig rope;
  std::optional<nn::RopeConfig>
      local_rope; ///< of the blocks with a window, where it differs
  nn::AlibiOptions alibi;
  std::int64_t position_offset = 0; ///< learned vectors before the first place

  // Ends.
  std::int64_t d_embed = 0; ///< width of embedding and output head, which are
                            ///< projected to d_model and back; 0 means d_model
  double embed_scale = 1;   ///< factor of the token embedding, no unit
  bool has_embed_norm = false; ///< whether the embedding is normalised
  bool has_final_norm = true;
  bool has_tied_unembedding = false; ///< the output head is the token embedding
  bool has_unembed_bias = false;
  double logit_softcap = 0; ///< 0 means none
  std::int64_t d_text = 0; ///< width of the text embeddings that the head gives
                           ///< in place of logits (CLIP); 0 means logits

  /// The rotary settings of block `layer`.
  const nn::RopeConfig& rope_of(std::int64_t layer) const {
    return local_rope && window(layer) > 0 ? *local_rope : rope;
  }
  /// Whether the angles of one place differ between rows of `first` and of
  /// `last` tokens.
  bool changes_frequencies(std::int64_t first, std::int64_t last) const;

  /// Throws ConfigError, located at `where`, when a size is missing or sizes do
  /// not fit together.
  void check(const std::string& where) const;
};

} // namespace ma
