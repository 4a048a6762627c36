// Names, checks and one-line descriptions of selections.
#include <cmath>

#include "libma/core/error.h"
#include "libma/core/names.h"
#include "libma/interventions/selection.h"

namespace ma {
namespace {

constexpr SelectionKind kKinds[] = {
    SelectionKind::kExplicit,
    SelectionKind::kCriterion,
    SelectionKind::kTopK,
    SelectionKind::kMedianMagnitude,
    SelectionKind::kRandom};

std::string list(const std::vector<std::int64_t>& numbers) {
  std::vector<std::string> parts;
  parts.reserve(numbers.size());
  for (const std::int64_t number : numbers) {
    parts.push_back(std::to_string(number));
  }
  return c10::str("[", join(parts), "]");
}

std::string axis(const char* name, const std::vector<std::int64_t>& numbers) {
  return numbers.empty() ? c10::str("all ", name)
                         : c10::str(name, " ", list(numbers));
}

} // namespace

std::string_view selection_kind_name(SelectionKind kind) {
  switch (kind) {
    case SelectionKind::kExplicit:
      return "explicit";
    case SelectionKind::kCriterion:
      return "criterion";
    case SelectionKind::kTopK:
      return "top_k";
    case SelectionKind::kMedianMagnitude:
      return "median_magnitude";
    case SelectionKind::kRandom:
      return "random";
  }
  return "";
}

SelectionKind parse_selection_kind(
    const std::string& name, std::string_view where) {
  std::vector<std::string> known;
  for (const SelectionKind kind : kKinds) {
    if (selection_kind_name(kind) == name) {
      return kind;
    }
    known.emplace_back(selection_kind_name(kind));
  }
  throw UnknownNameError(where, "selection", name, known);
}

bool needs_count(SelectionKind kind) {
  return kind != SelectionKind::kExplicit && kind != SelectionKind::kCriterion;
}

Selection Selection::at(
    std::vector<std::int64_t> positions, std::vector<std::int64_t> dims) {
  return {.positions = std::move(positions), .dims = std::move(dims)};
}

void check_selection(const Selection& selection, std::string_view where) {
  const auto kind = selection.kind;
  const std::string name(selection_kind_name(kind));
  const bool counts = needs_count(kind);
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) {
      throw ConfigError(where, "selection '" + name + "': " + problem);
    }
  };
  if (counts) {
    require(
        selection.count > 0,
        c10::str(
            "count is ",
            selection.count,
            "; give the entries per row, at least 1"));
    require(
        selection.dims.empty(),
        "takes no dims; only 'explicit' and 'criterion' do");
  } else {
    require(
        selection.count == 0,
        c10::str("takes no count, got ", selection.count));
  }
  if (kind == SelectionKind::kCriterion) {
    require(
        selection.magnitude >= 0 && std::isfinite(selection.magnitude),
        "magnitude must be finite and at least 0");
    require(
        selection.ratio >= 0 && std::isfinite(selection.ratio),
        "ratio must be finite and at least 0");
  }
}

namespace {

/// Which entries of a row a kind that looks at them takes.
std::string describe_choice(const Selection& selection) {
  switch (selection.kind) {
    case SelectionKind::kExplicit:
      break;
    case SelectionKind::kCriterion:
      return c10::str(
                 "|x| > ",
                 selection.magnitude,
                 " and > ",
                 selection.ratio,
                 " x median") +
             (selection.dims.empty() ? "" : " at dims " + list(selection.dims));
    case SelectionKind::kTopK:
      return c10::str("the ", selection.count, " largest of each row");
    case SelectionKind::kMedianMagnitude:
      return c10::str(
          "the ",
          selection.count,
          " of each row closest to its median magnitude");
    case SelectionKind::kRandom:
      return c10::str(
          selection.count,
          " of each row at random (seed ",
          selection.seed,
          ")");
  }
  return "";
}

} // namespace

std::string describe(const Selection& selection) {
  const auto positions = axis("positions", selection.positions);
  if (selection.kind == SelectionKind::kExplicit) {
    return positions + " x " + axis("dims", selection.dims);
  }
  return describe_choice(selection) +
         (selection.positions.empty() ? "" : " within " + positions);
}

} // namespace ma
