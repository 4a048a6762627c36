// Tiny random models in memory, of every registered architecture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/models/model.h"

namespace ma::testing {

struct TinyOptions {
  torch::ScalarType dtype = torch::kFloat32;
  std::string device = "cpu";
  std::uint64_t seed = 0; ///< of the weights
};

/// `config.json` of a model of `architecture` small enough to run in a
/// millisecond: 4 blocks, d_model 32, grouped heads where the architecture has
/// them, 61 tokens. Throws UnknownNameError when there is no entry for it: add
/// one.
nlohmann::json tiny_config(const std::string& architecture);

/// The names of all registered architectures.
std::vector<std::string> architectures();

/// A model with random weights for a Hugging Face `config`.
Model make_tiny_model(
    const nlohmann::json& config, const TinyOptions& options = {});

/// Random ids of `tiny_config` models, int64 [batch, pos].
torch::Tensor random_ids(
    std::int64_t batch, std::int64_t pos, std::uint64_t seed = 1);

} // namespace ma::testing
