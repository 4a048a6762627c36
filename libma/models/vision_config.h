// The sizes and options of a vision transformer, whatever checkpoint they were
// read from.
#pragma once

#include <cstdint>
#include <string>

#include "libma/models/transformer_config.h"
#include "libma/nn/patches.h"

namespace ma {

/// What the head reads.
enum class PoolKind {
  kCls,             ///< the class token
  kMean,            ///< the mean of the patches
  kClsMean,         ///< class token and mean of the patches, side by side
  kClsDistillation, ///< class and distillation token, side by side; each has a
                    ///< head of its own, and logits are the mean of the two
  kAttention,       ///< a learned query over all tokens, then an MLP
};

/// The sizes and options of a vision transformer, read from a checkpoint's
/// configuration. A row of tokens is [class | distillation | registers |
/// patches], as far as there are any, patches in rows from the top left.
struct VisionConfig : TransformerConfig {
  std::int64_t n_channels = 3;
  std::int64_t patch_height = 0; ///< pixels
  std::int64_t patch_width = 0;
  std::int64_t image_height = 0; ///< pixels that the table of positions is for
  std::int64_t image_width = 0;
  bool has_patch_bias = true;

  bool has_cls = true;
  bool has_distillation = false;
  std::int64_t n_registers = 0;      ///< those of the checkpoint and added ones
  std::int64_t n_test_registers = 0; ///< the last registers, added at loading:
                                     ///< zeros that no head reads
  bool has_prefix_positions = true;  ///< whether class and distillation token
                                    ///< have rows in the table; registers never
  nn::PositionResize resize;
  bool has_embed_norm = false; ///< of the tokens, positions added

  PoolKind pool = PoolKind::kCls;
  bool has_pooled_norm = false; ///< ln_final is of what was pooled, not of
                                ///< the tokens
  bool pools_unnormed = false;  ///< tokens are pooled as they were before
                                ///< ln_final, whose output nothing reads
  std::int64_t d_pooler = 0;    ///< of a dense layer behind; 0 means none
  std::string pooler_activation = "tanh";
  std::int64_t n_classes = 0;   ///< 0 means no classifier
  std::int64_t d_projected = 0; ///< 0 means no projection

  /// Tokens before the patches.
  std::int64_t n_prefix() const {
    return (has_cls ? 1 : 0) + (has_distillation ? 1 : 0) + n_registers;
  }
  /// Rows of the table of positions before those of the patches.
  std::int64_t n_prefix_positions() const {
    return has_prefix_positions ? n_prefix() - n_registers : 0;
  }
  /// The grid of patches that the table of positions is for.
  nn::PatchGrid grid() const { return grid_of(image_height, image_width); }
  /// The grid of patches of an image; what is left over at the right and the
  /// bottom does not count.
  nn::PatchGrid grid_of(std::int64_t height, std::int64_t width) const {
    return {height / patch_height, width / patch_width};
  }
  /// Width of what is pooled.
  std::int64_t d_pooled() const;

  /// Throws ConfigError, located at `where`, when a size is missing or sizes do
  /// not fit together.
  void check(const std::string& where) const;
};

} // namespace ma
