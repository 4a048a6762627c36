// Three kinds of edit around one set of marks.
#include "libma/interventions/replace_part.h"

#include <memory>
#include <utility>

#include "libma/core/error.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

constexpr const char* kWhere = "replace_part";

/// What the stream of the pass at hand says.
struct Marks {
  torch::Tensor members; ///< bool [batch, pos]
  torch::Tensor kept; ///< bool [batch, pos], queries never edited; undefined:
                      ///< none but members

  /// The queries that are edited: bool [batch, pos] on members' device.
  torch::Tensor queries(const TokenBatch* batch, std::int64_t window) const {
    const auto after = queries_after(members, batch, window);
    return kept.defined() ? after.logical_and(kept.logical_not()) : after;
  }
};
using SharedMarks = std::shared_ptr<Marks>;

/// The marks of a pass of `n_rows` rows of `n_pos` tokens, on `device`.
Marks marks_of(
    const SharedMarks& marks,
    std::int64_t n_rows,
    std::int64_t n_pos,
    const torch::Tensor& x,
    const HookSite& at) {
  const torch::Tensor& members = marks->members;
  if (!members.defined() || members.size(0) != n_rows ||
      members.size(1) != n_pos) {
    throw ShapeError(
        at.name,
        c10::str(
            "the tokens of this pass were not marked (",
            members.defined() ? c10::str("marks are ", members.sizes())
                              : std::string("there are no marks"),
            ", the activation is ",
            x.sizes(),
            "); add the edit mark_tokens too and run whole sequences"));
  }
  return {
      members.to(x.device()),
      marks->kept.defined() ? marks->kept.to(x.device()) : torch::Tensor()};
}

Intervention mark_tokens(
    const PartReplacement& replacement, const SharedMarks& marks) {
  auto stats = std::make_shared<InterventionStats>();
  HookFn fn = [=, select = replacement.select, others = replacement.others](
                  const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    const auto selected = selected_tokens(select, x, at);
    *marks = {.members = selected, .kept = {}};
    if (others) {
      *marks = {
          .members = random_other_tokens(selected, at.batch, *others, at.name),
          .kept = selected};
    }
    stats->edited += marks->members.sum().item<std::int64_t>();
    return x;
  };
  return {
      "mark_tokens",
      {.site = block_site(replacement.marked_after, "resid_post"),
       .select = replacement.select},
      std::move(fn),
      std::move(stats)};
}

Intervention drop_keys(
    const InterventionOptions& options,
    std::int64_t window,
    const SharedMarks& marks) {
  auto stats = std::make_shared<InterventionStats>();
  HookFn fn = [=](const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    const Marks own = marks_of(marks, x.size(0), x.size(3), x, at);
    const auto dropped = own.queries(at.batch, window)
                             .unsqueeze(2)
                             .logical_and(own.members.unsqueeze(
                                 1)); // [batch, query_pos, key_pos]
    stats->edited += dropped.sum().item<std::int64_t>() * x.size(1);
    return x.masked_fill(dropped.unsqueeze(1), 0);
  };
  return {"drop_keys", options, std::move(fn), std::move(stats)};
}

Intervention add_vector(
    const InterventionOptions& options,
    const torch::Tensor& constant,
    std::int64_t window,
    const SharedMarks& marks) {
  auto stats = std::make_shared<InterventionStats>();
  HookFn fn = [=](const torch::Tensor& x, const HookSite& at) {
    ++stats->calls;
    if (x.dim() != 4 || x.size(2) != constant.size(0) ||
        x.size(3) != constant.size(1)) {
      throw ShapeError(
          at.name,
          c10::str(
              "constants are ",
              constant.sizes(),
              " [head, d_head] in each layer, the activation is ",
              x.sizes()));
    }
    const auto queries = marks_of(marks, x.size(0), x.size(1), x, at)
                             .queries(at.batch, window); // [batch, pos]
    stats->edited += queries.sum().item<std::int64_t>() * constant.numel();
    const auto dtype =
        x.scalar_type() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
    const auto added = constant.to(x.device(), dtype) *
                       queries.unsqueeze(2).unsqueeze(3); // as x
    return (x + added).to(x.scalar_type());
  };
  return {"add_vector", options, std::move(fn), std::move(stats)};
}

void check(const PartReplacement& replacement) {
  check_selection(replacement.select, kWhere);
  if (replacement.marked_after < 0 || replacement.layers.empty()) {
    throw ConfigError(
        kWhere, "name the block whose stream to look at, and blocks to edit");
  }
  const torch::Tensor& constants = replacement.constants;
  if (constants.defined() &&
      (constants.dim() != 3 || !constants.is_floating_point())) {
    throw ConfigError(
        kWhere,
        c10::str(
            "constants are ",
            constants.scalar_type(),
            " ",
            constants.sizes(),
            "; expected floating point [layer, head, d_head]"));
  }
  for (const std::int64_t layer : replacement.layers) {
    if (layer <= replacement.marked_after) {
      throw ConfigError(
          kWhere,
          c10::str(
              "block ",
              layer,
              " comes before the stream after block ",
              replacement.marked_after,
              " is known; edit later blocks"));
    }
    if (constants.defined() && layer >= constants.size(0)) {
      throw ConfigError(
          kWhere,
          c10::str(
              "constants are ",
              constants.sizes(),
              " and have none for block ",
              layer));
    }
  }
  if (constants.defined() && !at::isfinite(constants).all().item<bool>()) {
    throw ConfigError(kWhere, "constants have entries that are not finite");
  }
}

} // namespace

std::vector<Intervention> replace_part(const PartReplacement& replacement) {
  check(replacement);
  const auto marks = std::make_shared<Marks>();
  std::vector<Intervention> edits = {mark_tokens(replacement, marks)};
  // Draws depend on the whole row, which a selection of random entries says.
  Selection edited = replacement.select;
  if (replacement.others) {
    edited = {.kind = SelectionKind::kRandom};
    edited.count = 1;
    edited.seed = *replacement.others;
  }
  for (const std::int64_t layer : replacement.layers) {
    const auto window =
        replacement.windows.empty()
            ? 0
            : replacement.windows.at(static_cast<std::size_t>(layer));
    edits.push_back(drop_keys(
        {.site = block_site(layer, "attn.pattern"), .select = edited},
        window,
        marks));
    if (replacement.constants.defined()) {
      edits.push_back(add_vector(
          {.site = block_site(layer, "attn.z"), .select = edited},
          replacement.constants[layer],
          window,
          marks));
    }
  }
  return edits;
}

} // namespace ma
