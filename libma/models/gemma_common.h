// What the three generations of Gemma share.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "libma/models/decoder_config.h"
#include "libma/models/weights.h"

namespace ma {

/// What all formats leave unsaid. `gain_offset` is 1, or 0 in GGUF, whose
/// converter has added it to the gains.
void finish_gemma(DecoderConfig& c, double gain_offset);

/// The scale of the scores, `query_pre_attn_scalar`^-0.5. Throws ConfigError
/// when that is not positive.
double read_query_scale(const nlohmann::json& config);

/// The same where GGUF says nothing: 0, the default by d_head, but for the
/// largest models, which alone have narrow heads and scale by their width.
double guess_query_scale(const DecoderConfig& c);

/// Hugging Face's names where norms stand before and behind each half of a
/// block.
const WeightMap& sandwich_hf_weights();

} // namespace ma
