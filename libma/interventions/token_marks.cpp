// Masks of tokens, row by row.
#include "libma/interventions/token_marks.h"

#include "libma/core/error.h"
#include "libma/hooks/real_tokens.h"
#include "libma/interventions/random_draw.h"

namespace ma {
namespace {

/// FNV-1a over the ids of a row's real tokens; that of nothing without ids.
std::uint64_t hash_ids(
    const TokenBatch* batch, std::int64_t row, const RealTokens& tokens) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;
  if (batch == nullptr || !batch->ids.defined()) {
    return hash;
  }
  const auto ids = batch->ids[row].to(torch::kCPU).contiguous(); // [pos]
  const auto* const id = ids.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < tokens.count; ++i) {
    hash ^= static_cast<std::uint64_t>(id[tokens.column(i)]);
    hash *= 0x100000001B3ULL;
  }
  return hash;
}

/// Whether a member is among the last `window` tokens (0: all) of each.
torch::Tensor sees_in_row(const torch::Tensor& members, std::int64_t window) {
  auto count = members.cumsum(/*dim=*/1); // [batch, pos]
  if (window > 0 && window < count.size(1)) {
    auto outside = at::zeros_like(count);
    outside.slice(/*dim=*/1, window)
        .copy_(count.slice(/*dim=*/1, 0, count.size(1) - window));
    count = count - outside;
  }
  return count.gt(0);
}

/// The keys that each token of a tree sees: bool [batch, query_pos, key_pos].
torch::Tensor visible_keys(const TokenBatch& batch, std::int64_t window) {
  if (window == 0) {
    return batch.visible;
  }
  const auto& places = batch.positions; // [batch, pos]
  return batch.visible.logical_and(
      (places.unsqueeze(2) - places.unsqueeze(1)).lt(window));
}

} // namespace

torch::Tensor selected_tokens(
    const Selection& selection, const torch::Tensor& x, const HookSite& at) {
  const auto indices = select_entries(selection, x, at); // [n]
  const auto width = x.numel() / (x.size(0) * x.size(1));
  auto found =
      at::zeros({x.size(0) * x.size(1)}, x.options().dtype(torch::kBool));
  found.index_fill_(/*dim=*/0, indices.floor_divide(width), true);
  return found.view({x.size(0), x.size(1)});
}

torch::Tensor tokens_at(
    const std::vector<std::int64_t>& positions,
    const TokenBatch& batch,
    std::string_view where) {
  const auto n_rows = batch.ids.size(0);
  const auto n_pos = batch.ids.size(1);
  auto found = at::zeros({n_rows, n_pos}, torch::kBool);
  auto* marks = found.mutable_data_ptr<bool>();
  for (const RealTokens& tokens : real_tokens(&batch, n_rows, n_pos, where)) {
    const auto wanted = tokens.only(positions, where);
    for (std::int64_t i = 0; i < wanted.count; ++i) {
      marks[wanted.column(i)] = true;
    }
    marks += n_pos;
  }
  return found;
}

torch::Tensor queries_after(
    const torch::Tensor& members,
    const TokenBatch* batch,
    std::int64_t window) {
  const bool has_visible = batch != nullptr && batch->visible.defined();
  if (has_visible && batch->visible.size(2) != members.size(1)) {
    throw ShapeError(
        "queries after tokens",
        c10::str(
            "the tokens follow cached ones: ",
            members.size(1),
            " of them see ",
            batch->visible.size(2),
            " keys; run the whole sequence"));
  }
  auto sees =
      has_visible
          ? visible_keys(*batch, window)
                .to(members.device())
                .logical_and(members.unsqueeze(1)) // [batch, query, key]
                .any(/*dim=*/2)
          : sees_in_row(members, window); // [batch, pos]
  sees = sees.logical_and(members.logical_not());
  return batch != nullptr && batch->mask.defined()
             ? sees.logical_and(batch->mask.to(members.device(), torch::kBool))
             : sees;
}

torch::Tensor random_other_tokens(
    const torch::Tensor& members,
    const TokenBatch* batch,
    std::uint64_t seed,
    std::string_view where) {
  const auto on_cpu = members.to(torch::kCPU).contiguous();
  const auto n_pos = on_cpu.size(1);
  auto found = at::zeros_like(on_cpu);
  std::int64_t row = 0;
  for (const RealTokens& tokens :
       real_tokens(batch, on_cpu.size(0), n_pos, where)) {
    const bool* const is_member = on_cpu.const_data_ptr<bool>() + row * n_pos;
    std::int64_t count = 0;
    std::vector<std::int64_t> others; // columns
    for (std::int64_t i = 0; i < tokens.count; ++i) {
      const auto column = tokens.column(i);
      count += is_member[column] ? 1 : 0;
      if (!is_member[column] && i + 1 < tokens.count) {
        others.push_back(column);
      }
    }
    const auto n_others = static_cast<std::int64_t>(others.size());
    if (n_others < count) {
      throw ShapeError(
          where,
          c10::str(
              "row ",
              row,
              " has ",
              count,
              " selected tokens and ",
              n_others,
              " others to draw from; use longer rows or a stricter "
              "selection"));
    }
    for (const std::int64_t number : draw_without_repeats(
             n_others, count, seed, hash_ids(batch, row, tokens))) {
      found[row][others[static_cast<std::size_t>(number)]] = true;
    }
    ++row;
  }
  return found.to(members.device());
}

} // namespace ma
