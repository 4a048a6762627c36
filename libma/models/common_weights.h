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
/// weight"), separate or joined q, k and v as `has_joined_qkv` says.
WeightMap common_gguf_weights(bool has_joined_qkv = false);

/// What GGUF stores beside parameters: rotary factors, read by load_model.
const std::vector<std::string>& gguf_rope_tensors();

} // namespace ma
