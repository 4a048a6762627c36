// From the statistics of blocks to sites, means and the block to edit at.
#include <algorithm>
#include <cmath>
#include <optional>

#include "libma/analysis/massive_accumulator.h"
#include "libma/core/error.h"

namespace ma {
namespace {

using LayerStats = MassiveAccumulator::LayerStats;
using SiteKey = MassiveAccumulator::SiteKey;
using SiteStats = MassiveAccumulator::SiteStats;
using SiteMap = KeptMap<SiteKey, SiteStats>;

constexpr std::size_t kTokens = 5;

LayerMagnitudes magnitudes_of(std::int64_t layer, const LayerStats& stats) {
  LayerMagnitudes magnitudes;
  magnitudes.layer = layer;
  for (std::size_t i = 0; i < stats.top.size(); ++i) {
    magnitudes.top[i] = stats.top[i].mean;
    magnitudes.top_std[i] = stats.top[i].std();
  }
  magnitudes.top_1_percent = stats.at_shares[0].mean;
  magnitudes.top_10_percent = stats.at_shares[1].mean;
  magnitudes.median = stats.median.mean;
  magnitudes.median_std = stats.median.std();
  magnitudes.max_over_median = stats.ratio.mean;
  magnitudes.massive_share = static_cast<double>(stats.massive_sequences) /
                             static_cast<double>(stats.median.count);
  return magnitudes;
}

std::vector<std::int64_t> commonest(
    const KeptMap<std::int64_t, std::int64_t>& counts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> ranked; // -count, id
  ranked.reserve(counts.size());
  for (const auto& [id, count] : counts) {
    ranked.emplace_back(-count, id);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::int64_t> ids;
  for (std::size_t i = 0; i < std::min(kTokens, ranked.size()); ++i) {
    ids.push_back(ranked[i].second);
  }
  return ids;
}

/// The site `key` with the statistics of its peak block; layers are left for
/// the caller.
MassiveSite site_of(const SiteKey& key, const SiteStats& peak) {
  MassiveSite site;
  site.dim = key.first;
  site.token_class = key.second;
  site.mean = peak.value.mean;
  site.std = peak.value.std();
  site.min = peak.value.min;
  site.max = peak.value.max;
  site.max_over_median = peak.ratio.mean;
  site.count = peak.value.count;
  site.token_ids = commonest(peak.tokens);
  return site;
}

/// The statistics of `key` after a block, if at least half of the block's
/// sequences have some.
const SiteStats* in_half(
    const SiteMap& sites, const SiteKey& key, std::int64_t n_sequences) {
  const auto found = sites.find(key);
  return found != sites.end() && 2 * found->second.sequences >= n_sequences
             ? &found->second
             : nullptr;
}

/// The site `key`, if it is massive in at least half of the sequences after
/// some block.
std::optional<MassiveSite> massive_site(
    const std::vector<LayerStats>& layers, const SiteKey& key) {
  const SiteStats* peak = nullptr;
  std::int64_t first = -1;
  std::int64_t last = -1;
  std::int64_t peak_layer = -1;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const SiteStats* stats =
        in_half(layers[i].hits, key, layers[i].median.count);
    if (stats == nullptr) {
      continue;
    }
    last = static_cast<std::int64_t>(i);
    first = first < 0 ? last : first;
    if (peak == nullptr || stats->magnitude.mean > peak->magnitude.mean) {
      peak = stats;
      peak_layer = last;
    }
  }
  if (peak == nullptr) {
    return {};
  }
  auto site = site_of(key, *peak);
  site.first_layer = first;
  site.last_layer = last;
  site.peak_layer = peak_layer;
  return site;
}

/// The run of blocks around `peak` after which `key` is the largest entry of as
/// many sequences as it needs to be.
void find_run(
    const std::vector<LayerStats>& layers,
    const SiteKey& key,
    std::int64_t needed,
    MassiveSite& site) {
  const auto is_largest = [&](std::int64_t layer) {
    const auto& largest = layers[static_cast<std::size_t>(layer)].largest;
    const auto found = largest.find(key);
    return found != largest.end() && found->second.sequences >= needed;
  };
  const auto n_layers = static_cast<std::int64_t>(layers.size());
  while (site.first_layer > 0 && is_largest(site.first_layer - 1)) {
    --site.first_layer;
  }
  while (site.last_layer + 1 < n_layers && is_largest(site.last_layer + 1)) {
    ++site.last_layer;
  }
}

/// The most extreme site, for a model without massive activations: of the
/// entries that are the largest of at least half of the sequences after some
/// block (else of the most sequences), the one of the largest mean max/median.
MassiveSite most_extreme_site(const std::vector<LayerStats>& layers) {
  using Rank = std::pair<std::int64_t, double>;
  Rank best{-1, 0};
  SiteKey best_key{};
  MassiveSite extreme;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const auto n_sequences = layers[i].median.count;
    for (const auto& [key, stats] : layers[i].largest) {
      const Rank rank{
          std::min(stats.sequences, (n_sequences + 1) / 2), stats.ratio.mean};
      if (rank > best) {
        best = rank;
        best_key = key;
        extreme = site_of(key, stats);
        extreme.first_layer = extreme.last_layer = extreme.peak_layer =
            static_cast<std::int64_t>(i);
        extreme.sequence_share = static_cast<double>(stats.sequences) /
                                 static_cast<double>(n_sequences);
      }
    }
  }
  find_run(layers, best_key, best.first, extreme);
  return extreme;
}

/// `means` [own + 1, d_model] of one block with the means of its hits where it
/// has any.
void put_hit_means(
    const LayerStats& layer,
    const MassiveProfile& profile,
    const torch::Tensor& means) {
  const auto others = means.size(0) - 1;
  std::map<
      std::pair<std::int64_t, std::int64_t>,
      std::pair<double, std::int64_t>>
      sums; // (kind, dim): sum, count
  for (const auto& [key, stats] : layer.hits) {
    const auto own = profile.position_of(key.second);
    auto& sum = sums[{own >= 0 ? own : others, key.first}];
    sum.first += stats.value.mean * static_cast<double>(stats.value.count);
    sum.second += stats.value.count;
  }
  for (const auto& [place, sum] : sums) {
    means[place.first][place.second] =
        sum.first / static_cast<double>(sum.second);
  }
}

} // namespace

MassiveProfile MassiveAccumulator::finish() const {
  MassiveProfile profile;
  profile.criterion = criterion_;
  profile.n_sequences = layers_.empty() ? 0 : layers_.front().median.count;
  profile.length = length_;
  profile.own = own_;
  std::vector<torch::Tensor> means;
  for (const LayerStats& layer : layers_) {
    if (layer.median.count == 0 || layer.median.count != profile.n_sequences) {
      throw ShapeError(
          "massive accumulator",
          c10::str(
              "a block saw ",
              layer.median.count,
              " sequences, the first one ",
              profile.n_sequences,
              "; show every block the same, at least one"));
    }
    profile.layers.push_back(
        magnitudes_of(static_cast<std::int64_t>(profile.layers.size()), layer));
    const auto positions = at::tensor(layer.positions, torch::kFloat64)
                               .unsqueeze(1); // [own + 1, 1]
    means.push_back(layer.sums / positions);
  }
  profile.means = at::stack(means); // [layer, own + 1, d_model]
  profile.hit_means = profile.means.clone();
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    put_hit_means(
        layers_[i], profile, profile.hit_means[static_cast<std::int64_t>(i)]);
  }
  for (const auto& [key, sequences] : sequences_) {
    if (auto site = massive_site(layers_, key)) {
      site->sequence_share = static_cast<double>(sequences.size()) /
                             static_cast<double>(profile.n_sequences);
      profile.sites.push_back(*std::move(site));
    }
  }
  std::stable_sort(
      profile.sites.begin(),
      profile.sites.end(),
      [](const MassiveSite& a, const MassiveSite& b) {
        return std::abs(a.mean) > std::abs(b.mean);
      });
  profile.meets_criterion = !profile.sites.empty();
  if (!profile.meets_criterion) {
    profile.sites.push_back(most_extreme_site(layers_));
  }
  profile.edit_layer = profile.sites.front().first_layer;
  return profile;
}

std::int64_t MassiveProfile::position_of(TokenClass token_class) const {
  const auto found = std::find(own.begin(), own.end(), token_class);
  return found == own.end() ? -1 : found - own.begin();
}

Selection MassiveProfile::top(std::int64_t count) const {
  std::int64_t position = -1;
  std::vector<std::int64_t> dims;
  for (const MassiveSite& site : sites) {
    const auto here = position_of(site.token_class);
    position = position < 0 ? here : position;
    if (here >= 0 && here == position &&
        (count == 0 || static_cast<std::int64_t>(dims.size()) < count)) {
      dims.push_back(site.dim);
    }
  }
  if (dims.empty()) {
    throw ConfigError(
        "massive profile",
        "no site is at a token with a position of its own, such as the "
        "starting one; select by criterion instead");
  }
  return Selection::at({position}, std::move(dims));
}

Selection MassiveProfile::massive() const {
  std::set<std::int64_t> dims;
  for (const MassiveSite& site : sites) {
    dims.insert(site.dim);
  }
  return {
      .kind = SelectionKind::kCriterion,
      .dims = {dims.begin(), dims.end()},
      .magnitude = criterion.magnitude,
      .ratio = criterion.ratio};
}

const torch::Tensor& MassiveProfile::means_for(
    const Selection& selection) const {
  const bool by_magnitude = selection.kind == SelectionKind::kCriterion ||
                            selection.kind == SelectionKind::kTopK;
  return by_magnitude ? hit_means : means;
}

std::string describe(const MassiveSite& site) {
  return c10::str(
      "dim ",
      site.dim,
      " at ",
      token_class_name(site.token_class),
      ": blocks ",
      site.first_layer,
      " to ",
      site.last_layer,
      " (0-based), peak ",
      site.peak_layer,
      ", mean ",
      site.mean,
      " (std ",
      site.std,
      ", n ",
      site.count,
      "), ",
      site.max_over_median,
      " x median, in ",
      100 * site.sequence_share,
      " % of sequences");
}

} // namespace ma
