// Bins by the logarithm, merged bins, and the search for a valley.
#include "libma/analysis/log_histogram.h"

#include <algorithm>
#include <cmath>

#include "libma/core/error.h"
#include "libma/core/tensor.h"

namespace ma {
namespace {

constexpr std::int64_t kValleyPerOctave = 8;
constexpr double kMostOfPeak = 0.5;   // of the lower mode, in a valley
constexpr double kStandardErrors = 4; // between the lower mode and a valley

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/// The lower end of bin `index`.
double lower_end(double index, std::int64_t per_octave) {
  return std::exp2(index / static_cast<double>(per_octave));
}

/// Counts of bins side by side.
struct Bins {
  std::int64_t first = 0; ///< index of the first
  std::vector<std::int64_t> counts;
};

Bins merged(
    const std::map<std::int64_t, std::int64_t>& fine, std::int64_t factor) {
  Bins bins;
  if (fine.empty()) {
    return bins;
  }
  bins.first = floor_divide(fine.begin()->first, factor);
  const auto last = floor_divide(fine.rbegin()->first, factor);
  bins.counts.resize(static_cast<std::size_t>(last - bins.first + 1));
  for (const auto& [index, count] : fine) {
    const auto at = floor_divide(index, factor) - bins.first;
    bins.counts[static_cast<std::size_t>(at)] += count;
  }
  return bins;
}

/// For each bin the number of the fullest one before it; of equals the first.
std::vector<std::size_t> fullest_before(
    const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> fullest(counts.size(), 0);
  for (std::size_t i = 1; i < counts.size(); ++i) {
    const auto before = fullest[i - 1];
    fullest[i] = counts[i - 1] > counts[before] ? i - 1 : before;
  }
  return fullest;
}

std::vector<std::size_t> fullest_behind(
    const std::vector<std::int64_t>& counts) {
  std::vector<std::size_t> fullest(counts.size(), counts.size() - 1);
  for (std::size_t i = counts.size() - 1; i-- > 0;) {
    const auto behind = fullest[i + 1];
    fullest[i] = counts[i + 1] >= counts[behind] ? i + 1 : behind;
  }
  return fullest;
}

/// How many standard errors a bin is below the lower of two modes; 0 where that
/// is not clear.
double clarity(std::int64_t bin, std::int64_t lower_mode) {
  const auto valley = static_cast<double>(bin);
  const auto peak = static_cast<double>(lower_mode);
  const double errors = (peak - valley) / std::sqrt(peak + valley);
  return valley <= kMostOfPeak * peak && errors >= kStandardErrors ? errors : 0;
}

} // namespace

void LogHistogram::add(double x) {
  ++count_;
  if (x == 0) {
    ++zeros_;
    return;
  }
  ++counts_[static_cast<std::int64_t>(
      std::floor(std::log2(x) * static_cast<double>(kPerOctave)))];
}

std::vector<LogBin> LogHistogram::bins(std::int64_t per_octave) const {
  if (per_octave < 1 || kPerOctave % per_octave != 0) {
    throw ConfigError(
        "per_octave",
        c10::str(
            "is ", per_octave, "; give a number that divides ", kPerOctave));
  }
  const Bins all = merged(counts_, kPerOctave / per_octave);
  std::vector<LogBin> found;
  std::int64_t index = all.first;
  for (const std::int64_t count : all.counts) {
    found.push_back(
        {.index = index,
         .from = lower_end(static_cast<double>(index), per_octave),
         .to = lower_end(static_cast<double>(index + 1), per_octave),
         .count = count});
    ++index;
  }
  return found;
}

std::optional<Valley> LogHistogram::valley() const {
  constexpr std::int64_t kFactor = kPerOctave / kValleyPerOctave;
  const auto [first, counts] = merged(counts_, kFactor);
  if (counts.size() < 3) {
    return {};
  }
  const auto low = fullest_before(counts);
  const auto high = fullest_behind(counts);
  double best = 0;
  std::size_t begin = 0;
  std::size_t end = 0; // of the run of equally clear bins
  for (std::size_t i = 1; i + 1 < counts.size(); ++i) {
    const double clear =
        clarity(counts[i], std::min(counts[low[i]], counts[high[i]]));
    if (clear > best) {
      best = clear;
      begin = i;
      end = i + 1;
    } else if (clear > 0 && clear == best && end == i) {
      ++end;
    }
  }
  if (best == 0) {
    return {};
  }
  const auto fine = [&](std::size_t bin) {
    return (first + static_cast<std::int64_t>(bin)) * kFactor;
  };
  const auto centre = [&](std::size_t bin) {
    return lower_end(
        static_cast<double>(fine(bin)) + kFactor / 2.0, kPerOctave);
  };
  const auto middle = (fine(begin) + fine(end)) / 2;
  Valley valley{
      .low_mode = centre(low[begin]),
      .at = lower_end(static_cast<double>(middle), kPerOctave),
      .high_mode = centre(high[begin])};
  for (auto at = counts_.lower_bound(middle); at != counts_.end(); ++at) {
    valley.above += at->second;
  }
  return valley;
}

} // namespace ma
