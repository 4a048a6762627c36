// The implicit bias of attention: parts, statistics, and the model with a
// constant in its place.
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "bindings/bindings.h"
#include "bindings/progress_arg.h"
#include "bindings/token_batch_arg.h"
#include "bindings/topics.h"

#include "libma/eval/find_massive.h"
#include "libma/eval/implicit_bias.h"
#include "libma/interventions/replace_part.h"
#include "libma/interventions/token_marks.h"

namespace ma::python {
namespace {

using Positions = std::vector<std::int64_t>;
using Members = std::variant<torch::Tensor, Positions>;
using Progressing = std::optional<py::function>;

torch::Tensor mask_of(const Members& members, const TokenBatch& batch) {
  if (const auto* mask = std::get_if<torch::Tensor>(&members)) {
    return mask->dim() == 1 ? mask->unsqueeze(0) : *mask;
  }
  return tokens_at(std::get<Positions>(members), batch, "positions");
}

void bind_decompose(py::module_& m) {
  m.def(
      "decompose_attention",
      [](const BoundModel& model,
         const TokenIds& ids,
         std::int64_t layer,
         const Members& positions,
         const std::optional<torch::Tensor>& mask) {
        const TokenBatch batch = make_batch(ids, mask);
        const auto members = mask_of(positions, batch);
        const auto parts = run_alone(model, [&] {
          return decompose_attention(model, batch, {layer}, members);
        });
        return std::pair(parts.front().massive, parts.front().rest);
      },
      py::arg("model"),
      py::arg("ids"),
      py::arg("layer"),
      py::arg("positions"),
      py::kw_only(),
      py::arg("mask") = py::none(),
      R"(What attention in one block takes from the tokens at `positions`, and from all others (Sun et al. 2024, Eq. 2).

Args:
    model: With the hooks that it has.
    ids: Token ids, as for `Model.forward`.
    layer: Block, 0-based.
    positions: Positions in each row, -1 the last one; or bool [batch, pos].
    mask: False at padding, as for `Model.forward`.

Returns:
    (massive, rest), [batch, pos, head, d_head] each; they add up to `blocks.{layer}.attn.z`.

Raises:
    ConfigError: When there is no such block.
    ShapeError: When there is no such position.

Example:
    >>> massive, rest = ma.decompose_attention(model, [1, 2, 3, 4], layer=1, positions=[0])
    >>> massive.shape
    torch.Size([1, 4, 4, 8])
)");
  m.def(
      "find_massive_tokens",
      [](const BoundModel& model,
         const torch::Tensor& sequences,
         const MassiveProfile& profile,
         const Progressing& progress) {
        const SequencePassOptions options{.progress = progress_fn(progress)};
        return run_alone(model, [&] {
          return find_massive_tokens(
              model, sequences, massive_tokens(profile), options);
        });
      },
      py::arg("model"),
      py::arg("sequences"),
      py::arg("profile"),
      py::kw_only(),
      py::arg("progress") = py::none(),
      R"(Which tokens of `sequences`, int64 [n, length], are massive: bool [n, length].

They have an entry that meets the criterion of `profile` at the dims of its sites, in the stream after block
`profile.edit_layer`. Where nothing meets it, the token of each sequence's largest entry.

Example:
    >>> sequences = torch.arange(64).view(4, 16)
    >>> profile = ma.find_massive(model, sequences, classify_tokens=False)
    >>> ma.find_massive_tokens(model, sequences, profile).sum(1)
    tensor([1, 1, 1, 1])
)");
}

ImplicitBias measure(
    const BoundModel& model,
    const torch::Tensor& sequences,
    const std::optional<torch::Tensor>& members,
    const ImplicitBiasPass& options) {
  return run_alone(model, [&] {
    if (members) {
      return implicit_bias(model, sequences, *members, options);
    }
    const auto profile = find_massive(
        model,
        sequences,
        {.classify_tokens = false, .progress = options.progress});
    const auto found = find_massive_tokens(
        model,
        sequences,
        massive_tokens(profile),
        {.progress = options.progress});
    return implicit_bias(model, sequences, found, options);
  });
}

void bind_measure(py::module_& m) {
  m.def(
      "implicit_bias",
      [](const BoundModel& model,
         const torch::Tensor& sequences,
         const std::optional<torch::Tensor>& members,
         std::int64_t null_sets,
         std::uint64_t seed,
         std::int64_t tokens_per_pass,
         const Progressing& progress) {
        return measure(
            model,
            sequences,
            members,
            {.bias = {.null_sets = null_sets, .seed = seed},
             .tokens_per_pass = tokens_per_pass,
             .progress = progress_fn(progress)});
      },
      py::arg("model"),
      py::arg("sequences"),
      py::arg("members") = py::none(),
      py::kw_only(),
      py::arg("null_sets") = ImplicitBiasOptions{}.null_sets,
      py::arg("seed") = ImplicitBiasOptions{}.seed,
      py::arg("tokens_per_pass") = ImplicitBiasPass{}.tokens_per_pass,
      py::arg("progress") = py::none(),
      R"(How constant what queries take from the massive tokens is, in each block and head (Sun et al. 2024, section 4.2).

u_k is the sum of p_ki v_i over massive tokens i. A query counts when it sees a massive token and is none. The same is
computed for random sets of as many other tokens.

Args:
    model: With the hooks that it has.
    sequences: int64 [n, length].
    members: The massive tokens, bool [n, length]; None: as `find_massive` and `find_massive_tokens` find them.
    null_sets: Random sets to compare with; 0: none.
    seed: Of the random sets.
    tokens_per_pass: Upper bound of batch * pos in one pass.
    progress: Called as `progress(stage, done, total)`.

Returns:
    An ImplicitBias.

Raises:
    ShapeError: When no sequence has a massive token, or one has too few others.

Example:
    >>> bias = ma.implicit_bias(model, torch.arange(64).view(4, 16), null_sets=20)
    >>> bias.constants.shape
    torch.Size([2, 4, 8])
)");
  m.def(
      "project_to_attn_out",
      [](const BoundModel& model,
         const torch::Tensor& constants) -> std::optional<torch::Tensor> {
        const auto out = run_alone(
            model, [&] { return project_to_attn_out(model, constants); });
        return out.defined() ? std::optional(out) : std::nullopt;
      },
      py::arg("model"),
      py::arg("constants"),
      R"(What constants [layer, head, d_head] at `attn.z` add to `attn_out`: [layer, d_model].

None where attention's output is normed before it joins the stream, so that parts do not add up.

Example:
    >>> ma.project_to_attn_out(model, torch.ones(2, 4, 8)).shape
    torch.Size([2, 32])
)");
}

void bind_replace(py::module_& m) {
  m.def(
      "replace_part",
      [](const Selection& select,
         std::int64_t marked_after,
         const std::vector<std::int64_t>& layers,
         const std::optional<torch::Tensor>& constants,
         const std::optional<std::uint64_t>& others) {
        return replace_part(
            {.select = select,
             .marked_after = marked_after,
             .others = others,
             .layers = layers,
             .constants = constants.value_or(torch::Tensor())});
      },
      py::arg("select"),
      py::kw_only(),
      py::arg("marked_after"),
      py::arg("layers"),
      py::arg("constants") = py::none(),
      py::arg("others") = py::none(),
      R"(Edits that replace what attention takes from some tokens by a constant; they belong together.

Args:
    select: The tokens are those with a selected entry ...
    marked_after: ... in the stream after this block, 0-based.
    layers: Blocks whose attention is edited, behind `marked_after`.
    constants: [layer, head, d_head], row L for block L; None: nothing instead.
    others: A seed: as many random other tokens in their place.

Returns:
    A list of Intervention: one that marks the tokens, and one or two for each block.

Raises:
    ConfigError: When a block does not come after `marked_after`, or constants do not fit.

Example:
    >>> edits = ma.replace_part(ma.Selection.at([0], []), marked_after=0, layers=[1])
    >>> [edit.kind for edit in edits]
    ['mark_tokens', 'drop_keys']
)");
  m.def(
      "bias_conditions",
      [](const ImplicitBias& bias,
         const MassiveProfile& profile,
         const std::vector<std::int64_t>& layers) {
        return bias_conditions(bias, massive_tokens(profile), layers);
      },
      py::arg("bias"),
      py::arg("profile"),
      py::arg("layers"),
      R"(The rows of the test, for `run_ablation`: original, constant, removed and, with random sets, control.

What attention takes from the massive tokens is replaced by its mean (constant) or by nothing (removed) in the blocks
`layers`, 0-based and behind `profile.edit_layer`; control replaces what it takes from as many random other tokens by
its mean.

Example:
    >>> sequences = torch.arange(64).view(4, 16)
    >>> profile = ma.find_massive(model, sequences, classify_tokens=False)
    >>> profile.edit_layer
    0
    >>> bias = ma.implicit_bias(model, sequences)
    >>> [condition.name for condition in ma.bias_conditions(bias, profile, [1])]
    ['original', 'constant', 'removed', 'control']
)");
}

} // namespace

void bind_implicit_bias(py::module_& m) {
  bind_implicit_bias_types(m);
  bind_decompose(m);
  bind_measure(m);
  bind_replace(m);
}

} // namespace ma::python
