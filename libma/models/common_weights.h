// The tensor names that most architectures share.
#pragma once

#include <string>
#include <vector>

#include "libma/models/weights.h"

namespace ma {

/// Hugging Face's names of LLaMA and most later models ("model.layers.{}.
/// self_attn.q_proj.weight"), biases included; `with` changes what differs.
const WeightMap& common_hf_weights();

/// GGUF's names, which are the same for all architectures ("blk.{}.attn_q.
/// weight"): separate q, k and v, and a gated MLP.
const WeightMap& common_gguf_weights();

/// The same with a plain MLP.
const WeightMap& plain_mlp_gguf_weights();

/// The same with one tensor for q, k and v, and one for what leads into the MLP
/// (a plain one, or gate and up joined).
const WeightMap& joined_gguf_weights();

/// `common_gguf_weights` where the converter has permuted q and k for the
/// rotation of neighbouring dims.
const WeightMap& permuted_gguf_weights();

/// What GGUF stores beside parameters: rotary factors, read by plan_model.
const std::vector<std::string>& gguf_rope_tensors();

} // namespace ma
