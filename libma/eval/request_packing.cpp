// Merging, sorting and laying out of requests.
#include "libma/eval/request_packing.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ma {
namespace {

using Row = RequestPass::Row;

const TokenRequest& find(
    const std::vector<RequestGroup>& groups, const Row::value_type& where) {
  return groups[static_cast<std::size_t>(where.first)]
               [static_cast<std::size_t>(where.second)];
}

std::vector<TokenIds> sequences_of(
    const Row& row, const std::vector<RequestGroup>& groups) {
  std::vector<TokenIds> sequences;
  for (const auto& where : row) {
    sequences.push_back(find(groups, where).inputs());
  }
  return sequences;
}

/// Attention in a row costs its length squared, so rows stay well below a pass,
/// or twice their common context where that is longer.
constexpr std::int64_t kMergedShare = 4;

std::int64_t merged_limit(
    const TokenRequest& request, const PackingOptions& options) {
  return std::max(
      options.tokens_per_pass / kMergedShare, 2 * request.first_target);
}

/// Groups that are never torn apart, and their rows.
struct Unit {
  std::vector<std::int64_t> groups;
  std::vector<Row> rows = {};
  std::int64_t longest = 0; ///< tokens of the longest row
  bool is_merged = false;
  std::int64_t longest_separate = 0; ///< tokens of the longest sequence
  std::int64_t n_sequences = 0;      ///< different ones
};

/// Requests whose inputs are the same share a row whatever the edits are.
std::vector<Row> split_by_inputs(
    const Row& row, const std::vector<RequestGroup>& groups) {
  std::map<TokenIds, std::size_t> seen;
  std::vector<Row> rows;
  for (const auto& where : row) {
    const auto [found, is_new] =
        seen.try_emplace(find(groups, where).inputs(), rows.size());
    if (is_new) {
      rows.emplace_back();
    }
    rows[found->second].push_back(where);
  }
  return rows;
}

Unit make_unit(
    std::vector<std::int64_t> members,
    const std::vector<RequestGroup>& groups,
    const PackingOptions& options) {
  Unit unit{.groups = std::move(members)};
  Row all;
  for (const std::int64_t group : unit.groups) {
    const auto& requests = groups[static_cast<std::size_t>(group)];
    for (std::size_t i = 0; i < requests.size(); ++i) {
      all.emplace_back(group, static_cast<std::int64_t>(i));
    }
  }
  const auto separate = split_by_inputs(all, groups);
  unit.n_sequences = static_cast<std::int64_t>(separate.size());
  const auto sequences = sequences_of(all, groups);
  const auto [shortest, longest] = std::minmax_element(
      sequences.begin(), sequences.end(), [](const auto& a, const auto& b) {
        return a.size() < b.size();
      });
  unit.longest_separate = static_cast<std::int64_t>(longest->size());
  unit.is_merged =
      options.merge &&
      common_prefix(sequences) >=
          std::max<std::int64_t>(1, options.n_shared_at_least) &&
      (!options.may_share_a_row ||
       options.may_share_a_row(
           static_cast<std::int64_t>(shortest->size()), unit.longest_separate));
  unit.rows = unit.is_merged ? std::vector<Row>{all} : separate;
  for (const Row& row : unit.rows) {
    unit.longest =
        std::max(unit.longest, make_tree(sequences_of(row, groups)).size());
  }
  return unit;
}

/// At most the tokens of `group` as a tree.
std::int64_t tree_tokens(const RequestGroup& group) {
  std::int64_t n = group.front().first_target;
  for (const TokenRequest& request : group) {
    n += request.n_targets();
  }
  return n;
}

/// Groups of one context so far.
struct Gathered {
  std::size_t unit = 0;
  std::int64_t n_tokens = 0; ///< as a tree
  std::int64_t n_requests = 0;
  std::int64_t longest = 0; ///< tokens of the longest request

  /// With `group`.
  Gathered with(const RequestGroup& group) const {
    Gathered grown = *this;
    grown.n_tokens +=
        tree_tokens(group) - (n_requests > 0 ? group.front().first_target : 0);
    grown.n_requests += static_cast<std::int64_t>(group.size());
    for (const TokenRequest& request : group) {
      grown.longest = std::max(
          grown.longest, static_cast<std::int64_t>(request.ids.size()) - 1);
    }
    return grown;
  }
};

/// Groups with the same context stand together, up to a limit.
std::vector<Unit> make_units(
    const std::vector<RequestGroup>& groups, const PackingOptions& options) {
  std::map<TokenIds, Gathered> by_context;
  std::vector<std::vector<std::int64_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].empty()) {
      continue;
    }
    const TokenRequest& first = groups[i].front();
    const TokenIds context(
        first.ids.begin(), first.ids.begin() + first.first_target);
    Gathered& gathered = by_context[context];
    Gathered grown = gathered.with(groups[i]);
    const bool fits =
        grown.n_tokens <= merged_limit(first, options) &&
        (!options.counts_separate_rows ||
         grown.longest * grown.n_requests <= options.tokens_per_pass);
    if (!options.merge || gathered.n_requests == 0 || !fits) {
      grown = Gathered{.unit = members.size()}.with(groups[i]);
      members.emplace_back();
    }
    gathered = grown;
    members[gathered.unit].push_back(static_cast<std::int64_t>(i));
  }
  std::vector<Unit> units;
  for (const auto& member : members) {
    Unit unit = make_unit(member, groups, options);
    if (unit.is_merged || member.size() == 1) {
      units.push_back(std::move(unit));
      continue;
    }
    for (const std::int64_t group : member) {
      units.push_back(make_unit({group}, groups, options));
    }
  }
  return units;
}

/// How many padded tokens a pass has grown to.
struct PassSize {
  std::int64_t longest = 0, rows = 0;
  std::int64_t longest_separate = 0, sequences = 0;

  void add(const Unit& unit) {
    longest = std::max(longest, unit.longest);
    rows += static_cast<std::int64_t>(unit.rows.size());
    longest_separate = std::max(longest_separate, unit.longest_separate);
    sequences += unit.n_sequences;
  }
  std::int64_t tokens(const PackingOptions& options) const {
    const auto separate =
        options.counts_separate_rows ? longest_separate * sequences : 0;
    return std::max(longest * rows, separate);
  }
};

RowLayout lay_out(
    const std::vector<Row>& rows,
    const std::vector<std::int64_t>& order,
    const std::vector<RequestGroup>& groups) {
  std::vector<TokenTree> trees;
  std::map<Row::value_type, std::pair<std::size_t, std::size_t>> places;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      places[row[i]] = {trees.size(), i};
    }
    trees.push_back(make_tree(sequences_of(row, groups)));
  }
  RowLayout layout{.batch = make_batch(trees)};
  const auto pos = layout.batch.ids.size(1);
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> targets;
  for (const std::int64_t group : order) {
    const auto& requests = groups[static_cast<std::size_t>(group)];
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const auto [row, sequence] =
          places.at({group, static_cast<std::int64_t>(i)});
      const auto& path = trees[row].paths[sequence];
      const auto start = static_cast<std::size_t>(requests[i].first_target);
      for (std::size_t t = start; t < requests[i].ids.size(); ++t) {
        positions.push_back(static_cast<std::int64_t>(row) * pos + path[t - 1]);
        targets.push_back(requests[i].ids[t]);
      }
    }
  }
  layout.positions = at::tensor(positions, torch::kInt64);
  layout.targets = at::tensor(targets, torch::kInt64);
  return layout;
}

} // namespace

std::vector<RequestPass> pack_requests(
    const std::vector<RequestGroup>& groups, const PackingOptions& options) {
  auto units = make_units(groups, options);
  std::stable_sort(
      units.begin(), units.end(), [](const Unit& a, const Unit& b) {
        return a.longest > b.longest;
      });
  std::vector<RequestPass> passes;
  PassSize size;
  for (Unit& unit : units) {
    PassSize grown = size;
    grown.add(unit);
    if (passes.empty() || grown.tokens(options) > options.tokens_per_pass) {
      passes.emplace_back();
      grown = {};
      grown.add(unit);
    }
    size = grown;
    RequestPass& pass = passes.back();
    pass.groups.insert(
        pass.groups.end(), unit.groups.begin(), unit.groups.end());
    std::move(
        unit.rows.begin(), unit.rows.end(), std::back_inserter(pass.rows));
  }
  return passes;
}

RowLayout layout_trees(
    const RequestPass& pass, const std::vector<RequestGroup>& groups) {
  return lay_out(pass.rows, pass.groups, groups);
}

RowLayout layout_separate_rows(
    const RequestPass& pass, const std::vector<RequestGroup>& groups) {
  std::vector<Row> rows;
  std::vector<std::int64_t> tree_of; // row of `pass` that each came from
  for (std::size_t i = 0; i < pass.rows.size(); ++i) {
    for (Row& row : split_by_inputs(pass.rows[i], groups)) {
      rows.push_back(std::move(row));
      tree_of.push_back(static_cast<std::int64_t>(i));
    }
  }
  RowLayout layout = lay_out(rows, pass.groups, groups);
  const auto pos = layout.batch.ids.size(1);
  std::vector<TokenTree> trees;
  std::int64_t tree_pos = 0;
  for (const Row& row : pass.rows) {
    trees.push_back(make_tree(sequences_of(row, groups)));
    tree_pos = std::max(tree_pos, trees.back().size());
  }
  layout.columns =
      at::zeros({static_cast<std::int64_t>(rows.size()), pos}, torch::kInt64);
  auto* next = layout.columns.data_ptr<std::int64_t>();
  for (std::size_t r = 0; r < rows.size(); ++r, next += pos) {
    const auto row = static_cast<std::size_t>(tree_of[r]);
    const auto& members = pass.rows[row];
    const auto sequence =
        std::find(members.begin(), members.end(), rows[r].front());
    const auto& path =
        trees[row].paths[static_cast<std::size_t>(sequence - members.begin())];
    for (std::size_t i = 0; i < path.size(); ++i) {
      next[i] = tree_of[r] * tree_pos + path[i];
    }
  }
  return layout;
}

} // namespace ma
