// Sweeps along blocks and factors.
#include <utility>

#include "libma/core/error.h"
#include "libma/core/table_columns.h"
#include "libma/eval/sweep_context.h"
#include "libma/interventions/composed.h"

namespace ma::sweeps {
namespace {

constexpr int kQuartersUpToTwo = 8;

} // namespace

/// Entries told by their size are there from the first massive block to the
/// last; a given position can be edited after any.
Sweep make_blocks(const Context& context) {
  const EditTarget& target = context.target;
  const bool is_anywhere = target.has_positions();
  const auto first = is_anywhere ? 0 : target.block;
  const auto last = is_anywhere ? context.n_blocks() - 1 : target.last_block;
  Sweep sweep{.keys = {block_column(), layer_column()}, .rows = {}};
  for (std::int64_t block = first; block <= last; ++block) {
    sweep.rows.push_back(
        {{block, block + 1},
         {c10::str("block ", block), {context.edit(target.selection, block)}}});
  }
  return sweep;
}

Sweep make_spans(const Context& context) {
  const EditTarget& target = context.target;
  const auto end =
      target.has_positions() ? context.n_blocks() - 1 : target.last_block;
  std::vector<std::pair<std::int64_t, std::int64_t>> spans = {
      {target.block, target.block}};
  for (const std::int64_t last : {target.last_block, end}) {
    if (last > spans.back().second) {
      spans.emplace_back(target.block, last);
    }
  }
  if (target.has_positions() && target.block > 0) {
    spans.emplace_back(0, end);
  }
  Sweep sweep{
      .keys = {{.name = "blocks (0-based)"}, {.name = "layers (1-based)"}},
      .rows = {}};
  for (const auto& [first, last] : spans) {
    Condition condition{c10::str("blocks ", first, "-", last), {}};
    for (std::int64_t block = first; block <= last; ++block) {
      condition.edits.push_back(context.edit(target.selection, block));
    }
    sweep.rows.push_back(
        {{c10::str(first, "-", last), c10::str(first + 1, "-", last + 1)},
         std::move(condition)});
  }
  return sweep;
}

Sweep make_scale(const Context& context) {
  auto factors = context.options.factors;
  for (int i = 0; context.options.factors.empty() && i <= kQuartersUpToTwo;
       ++i) {
    factors.push_back(0.25 * i);
  }
  Sweep sweep{.keys = {{.name = "factor", .digits = 3}}, .rows = {}};
  for (const double factor : factors) {
    sweep.rows.push_back(
        {{factor},
         {c10::str("scale ", factor),
          {make_intervention(
              "scale",
              {.site = after_block(context.target.block),
               .select = context.target.selection,
               .factor = factor})}}});
  }
  return sweep;
}

Sweep make_restore(const Context& context) {
  const EditTarget& target = context.target;
  auto after = context.options.after;
  for (auto last = target.block;
       context.options.after.empty() && last < context.n_blocks();
       ++last) {
    after.push_back(last - target.block);
  }
  Sweep sweep{
      .keys = {index_column("restored after block (0-based)"), layer_column()},
      .rows = {}};
  sweep.rows.push_back(
      {{std::string("never"), std::monostate()},
       {"never restored", {context.edit(target.selection, target.block)}}});
  for (const std::int64_t more : after) {
    const auto block = target.block + more;
    if (more < 0 || block >= context.n_blocks()) {
      throw ConfigError(
          kWhere,
          c10::str(
              "cannot restore ",
              more,
              " blocks after block ",
              target.block,
              "; give 0 to ",
              context.n_blocks() - 1 - target.block));
    }
    sweep.rows.push_back(
        {{block, block + 1},
         {c10::str("restored after block ", block),
          with_restore(
              context.edit(target.selection, target.block),
              after_block(block))}});
  }
  return sweep;
}

} // namespace ma::sweeps
