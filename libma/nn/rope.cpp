// Frequencies per scaling rule, tables, rotation.
#include "libma/nn/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "libma/core/error.h"

namespace ma::nn {
namespace {

constexpr double kTwoPi = 2 * std::numbers::pi;

/// Inverse frequencies and the factor that cos and sin are multiplied with.
struct Frequencies {
  torch::Tensor inverse; ///< float32 [d_rotary / 2]
  double attention_factor = 1.0;
};

/// theta^(2i / d), float32 [d / 2].
torch::Tensor wavelengths(double theta, std::int64_t d_rotary) {
  const auto exponents =
      at::arange(0, d_rotary, 2, torch::kInt64).to(torch::kFloat32) / d_rotary;
  return at::pow(theta, exponents);
}

torch::Tensor plain_inverse(const RopeConfig& config) {
  auto inverse = 1.0 / wavelengths(config.theta, config.d_rotary);
  if (config.divisors.empty()) {
    return inverse;
  }
  if (static_cast<std::int64_t>(config.divisors.size()) !=
      config.d_rotary / 2) {
    throw ConfigError(
        "rotary divisors",
        c10::str(
            "there are ",
            config.divisors.size(),
            "; expected ",
            config.d_rotary / 2));
  }
  return inverse / at::tensor(config.divisors, torch::kFloat32);
}

/// NTK-aware rule: a base that grows with the row. Float32 tensors throughout,
/// to round as Hugging Face does.
torch::Tensor dynamic_inverse(
    const RopeConfig& config, std::int64_t n_positions) {
  const double context = static_cast<double>(config.max_positions);
  const double d = static_cast<double>(config.d_rotary);
  const auto length = at::scalar_tensor(
      std::max(n_positions, config.max_positions), torch::kFloat32);
  const auto growth = at::pow(
      length * config.factor / context - (config.factor - 1), d / (d - 2));
  const auto exponents =
      at::arange(0, config.d_rotary, 2, torch::kInt64).to(torch::kFloat32) /
      config.d_rotary;
  return 1.0 / at::pow(growth * config.theta, exponents);
}

torch::Tensor llama3_inverse(const RopeConfig& config) {
  const auto inverse = 1.0 / wavelengths(config.theta, config.d_rotary);
  const double context = static_cast<double>(config.original_max_positions);
  const double low_wavelength = context / config.low_freq_factor;
  const double high_wavelength = context / config.high_freq_factor;
  const auto wavelength = kTwoPi / inverse;
  const auto scaled =
      at::where(wavelength > low_wavelength, inverse / config.factor, inverse);
  const auto smooth = (context / wavelength - config.low_freq_factor) /
                      (config.high_freq_factor - config.low_freq_factor);
  const auto smoothed = (1 - smooth) * scaled / config.factor + smooth * scaled;
  const auto is_medium =
      (wavelength >= high_wavelength).logical_and(wavelength <= low_wavelength);
  return at::where(is_medium, smoothed, scaled);
}

/// Dim at which `rotations` full turns fit into the original context.
double yarn_dim(const RopeConfig& config, double rotations) {
  const double d = static_cast<double>(config.d_rotary);
  const double context = static_cast<double>(config.original_max_positions);
  return d * std::log(context / (rotations * kTwoPi)) /
         (2 * std::log(config.theta));
}

double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double yarn_attention_factor(const RopeConfig& config) {
  if (config.attention_factor > 0) {
    return config.attention_factor;
  }
  if (config.mscale > 0 && config.mscale_all_dim > 0) {
    return yarn_mscale(config.factor, config.mscale) /
           yarn_mscale(config.factor, config.mscale_all_dim);
  }
  return yarn_mscale(config.factor, 1.0);
}

Frequencies yarn(const RopeConfig& config) {
  const auto wavelength = wavelengths(config.theta, config.d_rotary);
  const auto extrapolation = 1.0 / wavelength;
  const auto interpolation = 1.0 / (config.factor * wavelength);
  double low = yarn_dim(config, config.beta_fast);
  double high = yarn_dim(config, config.beta_slow);
  if (config.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(config.d_rotary - 1));
  if (low == high) {
    high += 0.001; // the ramp's width must not be zero
  }
  const auto index = at::arange(config.d_rotary / 2, torch::kFloat32);
  const auto keep = 1 - ((index - low) / (high - low)).clamp(0, 1);
  return {
      interpolation * (1 - keep) + extrapolation * keep,
      yarn_attention_factor(config)};
}

Frequencies longrope(const RopeConfig& config, std::int64_t n_positions) {
  const bool is_long = n_positions > config.original_max_positions;
  const std::vector<double>& factors =
      is_long ? config.long_factor : config.short_factor;
  if (static_cast<std::int64_t>(factors.size()) != config.d_rotary / 2) {
    throw ConfigError(
        "rope_scaling",
        c10::str(
            is_long ? "long_factor" : "short_factor",
            " has ",
            factors.size(),
            " entries; expected ",
            config.d_rotary / 2));
  }
  const auto factor = at::tensor(factors, torch::kFloat32);
  double attention_factor = config.attention_factor;
  if (attention_factor <= 0) {
    const double context = static_cast<double>(config.original_max_positions);
    attention_factor =
        config.factor <= 1
            ? 1.0
            : std::sqrt(1 + std::log(config.factor) / std::log(context));
  }
  return {
      1.0 / (factor * wavelengths(config.theta, config.d_rotary)),
      attention_factor};
}

Frequencies frequencies(const RopeConfig& config, std::int64_t n_positions) {
  switch (config.scaling) {
    case RopeScaling::kNone:
      return {plain_inverse(config)};
    case RopeScaling::kLinear:
      return {1.0 / wavelengths(config.theta, config.d_rotary) / config.factor};
    case RopeScaling::kDynamic:
      return {dynamic_inverse(config, n_positions)};
    case RopeScaling::kYarn:
      return yarn(config);
    case RopeScaling::kLongRope:
      return longrope(config, n_positions);
    case RopeScaling::kLlama3:
      return {llama3_inverse(config)};
  }
  throw ConfigError("rope_scaling", "unknown rule");
}

/// Whether a longer row has other frequencies: rows of one padded batch then
/// differ.
bool depends_on_length(RopeScaling scaling) {
  return scaling == RopeScaling::kDynamic || scaling == RopeScaling::kLongRope;
}

} // namespace

RopeTable make_rope_table(
    const RopeConfig& config,
    const torch::Tensor& positions,
    torch::ScalarType dtype) {
  const bool is_per_row =
      positions.dim() == 2 && depends_on_length(config.scaling);
  Frequencies frequency;
  if (is_per_row) {
    std::vector<torch::Tensor> rows;
    const auto last = positions.amax(/*dim=*/1).to(torch::kCPU); // [batch]
    for (std::int64_t row = 0; row < positions.size(0); ++row) {
      frequency = frequencies(config, last[row].item<std::int64_t>() + 1);
      rows.push_back(frequency.inverse);
    }
    frequency.inverse =
        at::stack(rows).unsqueeze(1); // [batch, 1, d_rotary / 2]
  } else {
    frequency = frequencies(config, positions.max().item<std::int64_t>() + 1);
  }
  const auto angles = positions.to(torch::kFloat32).unsqueeze(-1) *
                      frequency.inverse.to(positions.device());
  if (config.in_float32 && dtype != torch::kFloat64) {
    dtype = torch::kFloat32;
  }
  const auto finish = [&](const torch::Tensor& table) {
    return (table * frequency.attention_factor)
        .to(dtype)
        .unsqueeze(-2); // [..., pos, 1, d_rotary / 2]
  };
  return {finish(angles.cos()), finish(angles.sin()), config.interleaved};
}

bool changes_frequencies(
    const RopeConfig& config, std::int64_t first, std::int64_t last) {
  switch (config.scaling) {
    case RopeScaling::kDynamic:
      return last > std::max(first, config.max_positions);
    case RopeScaling::kLongRope:
      return first <= config.original_max_positions &&
             last > config.original_max_positions;
    default:
      return false;
  }
}

RopeTable RopeTable::to(torch::Device device) const {
  return {cos.to(device), sin.to(device), interleaved};
}

torch::Tensor apply_rope(const torch::Tensor& x, const RopeTable& table) {
  if (x.scalar_type() != table.cos.scalar_type()) {
    return apply_rope(x.to(table.cos.scalar_type()), table).to(x.scalar_type());
  }
  const std::int64_t half = table.cos.size(-1);
  auto rotated = at::empty(x.sizes(), x.options());
  // Dims `which` (0 or 1) of all pairs of a tensor like x.
  const auto side = [&](const torch::Tensor& of, std::int64_t which) {
    return table.interleaved ? of.slice(/*dim=*/-1, which, 2 * half, /*step=*/2)
                             : of.narrow(/*dim=*/-1, which * half, half);
  };
  const auto x1 = side(x, 0);
  const auto x2 = side(x, 1);
  auto y1 = side(rotated, 0);
  auto y2 = side(rotated, 1);
  at::mul_out(y1, x1, table.cos).sub_(x2 * table.sin);
  at::mul_out(y2, x2, table.cos).add_(x1 * table.sin);
  if (const std::int64_t rest = x.size(-1) - 2 * half; rest > 0) {
    rotated.narrow(/*dim=*/-1, 2 * half, rest)
        .copy_(x.narrow(/*dim=*/-1, 2 * half, rest));
  }
  return rotated;
}

} // namespace ma::nn
