// replace_tokens: whole tokens := given vectors of their block and position
// (Sun et al. 2024, "Fix-Reg-Mean").
#include <algorithm>
#include <set>

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"
#include "libma/interventions/intervention.h"

namespace ma {
namespace {

using Positions = std::vector<std::int64_t>;

/// Which of `positions` each token of x [batch, pos, d_model] stands at: int64
/// [batch * pos] on the CPU, -1 at none.
torch::Tensor numbers_of(
    const Positions& positions, const torch::Tensor& x, const HookSite& at) {
  auto numbers = at::full({x.size(0) * x.size(1)}, -1, torch::kInt64);
  auto* const number = numbers.mutable_data_ptr<std::int64_t>();
  std::int64_t row = 0;
  for (const RealTokens& tokens :
       real_tokens(at.batch, x.size(0), x.size(1), at.name)) {
    for (std::size_t i = 0; i < positions.size(); ++i) {
      const auto found = tokens.only({positions[i]}, at.name);
      for (std::int64_t k = 0; k < found.count; ++k) {
        number[row * x.size(1) + found.column(k)] =
            static_cast<std::int64_t>(i);
      }
    }
    ++row;
  }
  return numbers;
}

torch::Tensor look_up(
    const torch::Tensor& vectors,
    const Positions& positions,
    const torch::Tensor& indices,
    const torch::Tensor& x,
    const HookSite& at) {
  const auto d_model = x.numel() / (x.size(0) * x.size(1));
  if (at.layer < 0 || at.layer >= vectors.size(0) ||
      d_model != vectors.size(2)) {
    throw ConfigError(
        at.name,
        c10::str(
            "vectors ",
            vectors.sizes(),
            " have no entries for this site ",
            x.sizes(),
            "; they are [layer, position, d_model]"));
  }
  const auto on_cpu = indices.to(torch::kCPU);
  const auto token = on_cpu.floor_divide(d_model); // [n]
  const auto number = numbers_of(positions, x, at).index_select(0, token);
  return vectors
      .index({at::tensor(at.layer), number, on_cpu.remainder(d_model)}) // [n]
      .to(x.device());
}

void check_select(const Selection& select, std::int64_t n_vectors) {
  const auto& positions = select.positions;
  if (select.kind != SelectionKind::kExplicit || !select.dims.empty() ||
      positions.empty() ||
      *std::min_element(positions.begin(), positions.end()) < 0 ||
      std::set(positions.begin(), positions.end()).size() != positions.size()) {
    throw ConfigError(
        "replace_tokens",
        "whole tokens are replaced; select different positions, counted from "
        "0, and no dims");
  }
  if (static_cast<std::int64_t>(positions.size()) != n_vectors) {
    throw ConfigError(
        "replace_tokens",
        c10::str(
            "there are ",
            n_vectors,
            " vectors for ",
            positions.size(),
            " positions; give one for each"));
  }
}

} // namespace

EditFn make_replace_tokens(const InterventionOptions& options) {
  allow_options(options, "replace_tokens", {"vectors"});
  const auto& vectors = options.vectors;
  if (!vectors.defined() || vectors.dim() != 3 ||
      !vectors.is_floating_point()) {
    throw ConfigError(
        "replace_tokens",
        c10::str(
            "option 'vectors' is ",
            vectors.defined()
                ? c10::str(vectors.scalar_type(), " ", vectors.sizes())
                : std::string("missing"),
            "; expected floating point [layer, position, d_model]"));
  }
  check_select(options.select, vectors.size(1));
  if (!at::isfinite(vectors).all().item<bool>()) {
    throw ConfigError(
        "replace_tokens", "option 'vectors' has entries that are not finite");
  }
  return
      [vectors = vectors.to(torch::kCPU), positions = options.select.positions](
          const auto&, const auto& indices, const auto& x, const auto& at) {
        return look_up(vectors, positions, indices, x, at);
      };
}

} // namespace ma
