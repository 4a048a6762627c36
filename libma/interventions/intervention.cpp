// The engine: select, compute the selected entries only, write them into one
// clone.
#include "libma/interventions/intervention.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma {
namespace {

/// The numeric options with their names, in the order in which describe()
/// prints them.
std::vector<std::pair<std::string, std::optional<double>>> numbers(
    const InterventionOptions& options) {
  return {
      {"value", options.value},
      {"factor", options.factor},
      {"low", options.low},
      {"high", options.high}};
}

std::string list_text(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  parts.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    parts.push_back(std::to_string(number));
  }
  return c10::str("[", join(parts), "]");
}

/// `x` with `indices` [n] of its flattened elements replaced by `values` [n].
torch::Tensor write(
    const torch::Tensor& x,
    const torch::Tensor& indices,
    const torch::Tensor& values) {
  auto y = x.clone(at::MemoryFormat::Contiguous);
  y.view(-1).index_copy_(/*dim=*/0, indices, values);
  return y;
}

torch::Tensor apply(
    const EditFn& edit,
    const Selection& selection,
    InterventionStats& stats,
    const torch::Tensor& x,
    const HookSite& at) {
  ++stats.calls;
  const auto indices = select_entries(selection, x, at); // [n]
  if (indices.numel() == 0) {
    return x;
  }
  const auto old = x.take(indices); // [n]
  const auto values = edit(old, indices, x, at).to(x.scalar_type());
  if (!at::isfinite(values)
           .logical_or(at::isfinite(old).logical_not())
           .all()
           .item<bool>()) {
    throw ConfigError(
        at.name,
        c10::str(
            "an edit gives a value that is not finite in ",
            x.scalar_type(),
            "; use a smaller one or float32"));
  }
  stats.edited += indices.numel();
  return write(x, indices, values);
}

} // namespace

Intervention::Intervention(
    std::string kind,
    InterventionOptions options,
    HookFn fn,
    std::shared_ptr<InterventionStats> stats)
    : kind_(std::move(kind)),
      options_(std::move(options)),
      fn_(std::move(fn)),
      stats_(std::move(stats)) {}

std::string Intervention::describe() const {
  std::string text = kind_;
  for (const auto& [name, number] : numbers(options_)) {
    if (number) {
      text += name == "value" ? c10::str(" ", *number)
                              : c10::str(" ", name, " ", *number);
    }
  }
  text += options_.means.defined() ? " mean" : "";
  if (!options_.to.empty()) {
    text += " to " + list_text(options_.to);
    text += options_.keep.empty() ? "" : ", keep " + list_text(options_.keep);
    text += options_.others.empty() ? "" : ", others " + options_.others;
  }
  return text + " at " + options_.site + ": " + ma::describe(options_.select);
}

Intervention make_intervention(
    const std::string& kind, InterventionOptions options) {
  const auto factory = intervention_registry().get(kind, "intervention");
  if (options.site.empty()) {
    throw ConfigError(
        kind, "option 'site' is missing; give a hook name or pattern");
  }
  check_selection(options.select, kind);
  auto stats = std::make_shared<InterventionStats>();
  HookFn fn = [edit = factory(options), selection = options.select, stats](
                  const torch::Tensor& x, const HookSite& at) {
    return apply(edit, selection, *stats, x, at);
  };
  return {kind, std::move(options), std::move(fn), std::move(stats)};
}

void allow_options(
    const InterventionOptions& options,
    const std::string& kind,
    const std::vector<std::string>& allowed) {
  const auto check = [&](const std::string& name, bool is_given) {
    if (is_given &&
        std::find(allowed.begin(), allowed.end(), name) == allowed.end()) {
      throw ConfigError(
          kind,
          "option '" + name + "' is not one of this kind; it takes " +
              join(allowed));
    }
  };
  check("means", options.means.defined());
  check("to", !options.to.empty());
  check("keep", !options.keep.empty());
  check("others", !options.others.empty());
  check("vectors", options.vectors.defined() || !options.vectors_file.empty());
  for (const auto& [name, number] : numbers(options)) {
    check(name, number.has_value());
    if (number && std::isnan(*number)) {
      throw ConfigError(
          kind, "option '" + name + "' is not a number; give a finite one");
    }
  }
}

} // namespace ma
