// With P [query, member] the set's columns of the pattern and V [member,
// d_head] its values, u = P V: sums over queries need P's column sums alone,
// norms the Gram matrix V V^T.
#include "libma/analysis/part_sums.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "libma/core/error.h"

namespace ma {
namespace {

constexpr std::int64_t kElements = 1 << 20; // of P at a time: 8 MiB of float64

/// [..., kv_head, ...] -> [..., head, ...]: each once per query head of its
/// group.
torch::Tensor repeat_heads(
    const torch::Tensor& x, std::int64_t n_heads, std::int64_t dim) {
  return x.repeat_interleave(n_heads / x.size(dim), dim);
}

/// The sums of sets that are few enough.
PartSums sum_chunk(
    const torch::Tensor& pattern,
    const torch::Tensor& v,
    const TokenSets& sets) {
  const auto n_heads = pattern.size(0);
  const auto n_sets = sets.tokens.size(0);
  const auto n_members = sets.tokens.size(1);
  const auto flat = sets.tokens.flatten().to(pattern.device());
  const auto counts =
      sets.queries.to(pattern.device(), torch::kFloat64); // [set, query]
  const auto p = pattern.index_select(/*dim=*/2, flat)
                     .to(torch::kFloat64)
                     .view({n_heads, pattern.size(1), n_sets, n_members})
                     .permute({0, 2, 1, 3})
                     .mul(counts.unsqueeze(2)); // [head, set, query, member]
  const auto values = repeat_heads(
      v.index_select(/*dim=*/0, flat)
          .to(torch::kFloat64)
          .view({n_sets, n_members, v.size(1), v.size(2)})
          .permute({2, 0, 1, 3}),
      n_heads,
      /*dim=*/0); // [head, set, member, d_head]
  const auto gram = at::matmul(values, values.transpose(2, 3));
  const auto squares = at::matmul(p, gram).mul_(p).sum(-1).clamp_min_(
      0); // ||u_k||^2, [head, set, query]
  const auto is_zero = squares.eq(0);
  const auto inverse = squares.rsqrt().masked_fill(is_zero, 0);
  const auto weigh = [&](const torch::Tensor& weights) {
    return at::matmul(weights.unsqueeze(2), values)
        .squeeze(2)
        .transpose(0, 1)
        .cpu(); // [set, head, d_head]
  };
  const auto by_set = [](const torch::Tensor& x) {
    return x.transpose(0, 1).contiguous().cpu(); // [set, head]
  };
  const auto columns = p.sum(2); // [head, set, member]
  return {
      .queries = counts.sum(1, /*keepdim=*/true).cpu(),
      .directed = by_set(is_zero.logical_not().sum(2).to(torch::kFloat64)),
      .sum = weigh(columns),
      .units = weigh(p.mul(inverse.unsqueeze(3)).sum(2)),
      .squares = by_set(squares.sum(2)),
      .probability = by_set(columns.sum(2))};
}

torch::Tensor join(
    const std::vector<PartSums>& parts, torch::Tensor PartSums::* field) {
  std::vector<torch::Tensor> tensors;
  tensors.reserve(parts.size());
  for (const PartSums& part : parts) {
    tensors.push_back(part.*field);
  }
  return at::cat(tensors);
}

} // namespace

AttentionParts split_attention(
    const torch::Tensor& pattern,
    const torch::Tensor& v,
    const torch::Tensor& members) {
  const bool fits =
      pattern.dim() == 4 && v.dim() == 4 && members.dim() == 2 &&
      pattern.size(0) == v.size(0) && pattern.size(3) == v.size(1) &&
      pattern.size(1) % v.size(2) == 0 && members.size(0) == v.size(0) &&
      members.size(1) == v.size(1);
  if (!fits) {
    throw ShapeError(
        "attention parts",
        c10::str(
            "a pattern ",
            pattern.sizes(),
            ", values ",
            v.sizes(),
            " and members ",
            members.sizes(),
            " do not fit; expected [batch, head, query_pos, key_pos], [batch, "
            "key_pos, kv_head, d_head] and [batch, key_pos]"));
  }
  const auto values = repeat_heads(
      v.transpose(1, 2), pattern.size(1), /*dim=*/1); // [batch, head, key, d]
  const auto is_member =
      members.to(pattern.device(), torch::kBool).unsqueeze(1).unsqueeze(1);
  const auto take = [&](const torch::Tensor& hidden) {
    return at::matmul(pattern.masked_fill(hidden, 0), values).transpose(1, 2);
  };
  return {
      .massive = take(is_member.logical_not()),
      .rest = take(is_member)}; // [batch, pos, head, d_head]
}

PartSums& PartSums::operator+=(const PartSums& other) {
  for (const auto field :
       {&PartSums::queries,
        &PartSums::directed,
        &PartSums::sum,
        &PartSums::units,
        &PartSums::squares,
        &PartSums::probability}) {
    this->*field =
        (this->*field).defined() ? this->*field + other.*field : other.*field;
  }
  return *this;
}

torch::Tensor PartSums::variance() const {
  return (squares / queries - mean().square().sum(2)).clamp_min(0);
}

torch::Tensor PartSums::dispersion() const {
  return variance().sqrt() /
         at::linalg_vector_norm(mean(), /*ord=*/2, /*dim=*/{2});
}

torch::Tensor PartSums::cosine() const {
  return mean_pair_cosine(units, directed);
}

torch::Tensor mean_pair_cosine(
    const torch::Tensor& units, const torch::Tensor& count) {
  const auto pairs = count * (count - 1);
  return ((units.square().sum(-1) - count) / pairs)
      .masked_fill(count.lt(2), std::numeric_limits<double>::quiet_NaN());
}

PartSums sum_parts(
    const torch::Tensor& pattern,
    const torch::Tensor& v,
    const TokenSets& sets) {
  const auto of_one = pattern.size(0) * pattern.size(1) * sets.tokens.size(1);
  const auto step = std::max<std::int64_t>(1, kElements / of_one);
  std::vector<PartSums> parts;
  for (std::int64_t first = 0; first < sets.tokens.size(0); first += step) {
    parts.push_back(sum_chunk(
        pattern,
        v,
        {sets.tokens.slice(0, first, first + step),
         sets.queries.slice(0, first, first + step)}));
  }
  return {
      .queries = join(parts, &PartSums::queries),
      .directed = join(parts, &PartSums::directed),
      .sum = join(parts, &PartSums::sum),
      .units = join(parts, &PartSums::units),
      .squares = join(parts, &PartSums::squares),
      .probability = join(parts, &PartSums::probability)};
}

} // namespace ma
