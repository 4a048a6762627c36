// CPU kernels: an exact radix select by 16-bit digits of |x|'s bit pattern
// (non-negative floats order as their bits do), mostly in two passes.
#include <algorithm>
#include <atomic>
#include <bitset>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <queue>
#include <type_traits>
#include <utility>

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include "libma/core/magnitudes_kernels.h"

namespace ma::detail {
namespace {

constexpr int kDigitBits = 16;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;
constexpr std::int64_t kGrain = 1 << 16; // elements of one thread's share, well
                                         // above the cost of its histogram

/// Elements of one digit that are gathered and sorted out; of more, as where
/// most are equal, the next digits are counted.
constexpr std::int64_t kMostGathered = 1 << 16;

template <class T>
using BitsOf = std::conditional_t<
    sizeof(T) == 2,
    std::uint16_t,
    std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;

/// The bit pattern of |x|.
template <class T>
BitsOf<T> magnitude_bits(const T* x) {
  BitsOf<T> bits;
  std::memcpy(&bits, x, sizeof(T));
  return bits &
         static_cast<BitsOf<T>>(std::numeric_limits<BitsOf<T>>::max() >> 1);
}

template <class T>
double from_bits(BitsOf<T> bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return static_cast<double>(value);
}

/// Calls `body(first, last)` on the parts of `row` that hold its elements
/// number [begin, end).
template <class Body>
void for_each_range(
    const std::vector<ElementRange>& row,
    std::int64_t begin,
    std::int64_t end,
    const Body& body) {
  std::int64_t passed = 0;
  for (const ElementRange& range : row) {
    const auto first = std::max(range.first, range.first + begin - passed);
    const auto last = std::min(range.last, range.first + end - passed);
    if (first < last) {
      body(first, last);
    }
    passed += range.last - range.first;
  }
}

/// How many elements have each digit; threads add their shares in any order.
class DigitCounts {
 public:
  DigitCounts() : counts_(kDigits, 0) {}

  std::int64_t operator[](std::size_t digit) const { return counts_[digit]; }

  void add(const std::vector<std::uint32_t>& part) {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::transform(
        counts_.begin(),
        counts_.end(),
        part.begin(),
        counts_.begin(),
        std::plus<>());
  }

  /// The digit of the element of `rank`, which becomes its rank among the
  /// elements of that digit.
  std::size_t find(std::int64_t& rank) const {
    std::size_t digit = 0;
    while (rank >= counts_[digit]) {
      rank -= counts_[digit++];
    }
    return digit;
  }

  /// The largest digit such that at least `count` elements have it or a larger
  /// one; 0 when there are too few.
  std::size_t find_top(std::int64_t count) const {
    std::size_t digit = kDigits;
    while (count > 0 && digit > 0) {
      count -= counts_[--digit];
    }
    return digit;
  }

 private:
  std::mutex mutex_;
  std::vector<std::int64_t> counts_;
};

template <class T>
class RadixScan {
 public:
  using Bits = BitsOf<T>;
  static constexpr int kShift = static_cast<int>(sizeof(T)) * 8 - kDigitBits;

  RadixScan(const T* data, const std::vector<ElementRange>& row)
      : data_(data), row_(row), size_(element_count(row)) {}

  Candidates run(const MagnitudeQuery& query) {
    DigitCounts first;
    count_first_digit(first);
    // Of two middles the lower; then the shares.
    std::vector<Rank> ranks = {Rank(first, (size_ - 1) / 2)};
    for (const double share : query.shares) {
      ranks.emplace_back(first, rank_of_share(share, size_));
    }
    const Bits median_bound = static_cast<Bits>(ranks.front().digit) << kShift;
    const std::size_t top_digit = first.find_top(query.top);
    Bits edge = top_digit == kDigits ? std::numeric_limits<Bits>::max()
                                     : static_cast<Bits>(top_digit) << kShift;
    edge = std::min(edge, threshold_bits(query, from_bits<T>(median_bound)));

    Candidates found;
    Gathered gathered;
    for (const Rank& rank : ranks) {
      if (kShift > 0 && !has_nan_ && first[rank.digit] <= kMostGathered) {
        gathered[rank.digit];
      }
    }
    collect(edge, gathered, found.entries);
    found.median = select(ranks.front(), gathered);
    for (std::size_t i = 1; i < ranks.size(); ++i) {
      found.at_shares.push_back(select(ranks[i], gathered));
    }
    return found;
  }

 private:
  /// An element that is looked for by its place in ascending order.
  struct Rank {
    Rank(const DigitCounts& counts, std::int64_t rank)
        : within(rank), digit(counts.find(within)) {}

    std::int64_t within; ///< among the elements of that digit, from 0
    std::size_t digit;   ///< its upper 16 bits
  };

  /// The bits of all elements of some digits.
  using Gathered = std::map<std::size_t, std::vector<Bits>>;

  /// Bits below which nothing can be a hit, given a lower bound of the median.
  static Bits threshold_bits(const MagnitudeQuery& query, double median_bound) {
    const double bound = query.ratio > 0 && !std::isnan(median_bound)
                             ? query.ratio * median_bound
                             : 0;
    const double threshold = std::max(query.magnitude, bound);
    if (threshold == std::numeric_limits<double>::infinity()) {
      return std::numeric_limits<Bits>::max();
    }
    // Rounding is monotone: an element above the threshold is not below the
    // rounded threshold.
    const T rounded = static_cast<T>(
        static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(
            threshold));
    return magnitude_bits(&rounded);
  }

  /// The magnitude of that rank; NaN when an element is NaN.
  double select(const Rank& rank, Gathered& gathered) const {
    if (has_nan_) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    if (const auto found = gathered.find(rank.digit); found != gathered.end()) {
      std::vector<Bits>& bits = found->second;
      std::nth_element(bits.begin(), bits.begin() + rank.within, bits.end());
      return from_bits<T>(bits[static_cast<std::size_t>(rank.within)]);
    }
    std::int64_t within = rank.within;
    int shift = kShift;
    Bits bits = static_cast<Bits>(rank.digit) << shift;
    while (shift > 0) {
      shift -= kDigitBits;
      DigitCounts counts;
      count_digit(counts, bits, shift);
      bits |= static_cast<Bits>(counts.find(within)) << shift;
    }
    return from_bits<T>(bits);
  }

  template <class Body>
  void parallel(const Body& body) const {
    at::parallel_for(
        0, size_, kGrain, [&](std::int64_t begin, std::int64_t end) {
          body(begin, end);
        });
  }

  void count_first_digit(DigitCounts& counts) {
    const T infinity = std::numeric_limits<T>::infinity();
    const Bits infinite = magnitude_bits(&infinity);
    std::atomic<bool> has_nan{false};
    parallel([&](std::int64_t begin, std::int64_t end) {
      std::vector<std::uint32_t> local(kDigits, 0);
      bool nan = false;
      for_each_range(row_, begin, end, [&](std::int64_t i, std::int64_t last) {
        for (; i < last; ++i) {
          const Bits bits = magnitude_bits(data_ + i);
          nan |= bits > infinite;
          ++local[static_cast<std::size_t>(bits >> kShift)];
        }
      });
      counts.add(local);
      if (nan) {
        has_nan = true;
      }
    });
    has_nan_ = has_nan;
  }

  /// Counts the digit at `shift` of the elements that agree with `prefix` above
  /// it.
  void count_digit(DigitCounts& counts, Bits prefix, int shift) const {
    const int above = shift + kDigitBits;
    const auto wanted = static_cast<std::uint64_t>(prefix) >> above;
    parallel([&](std::int64_t begin, std::int64_t end) {
      std::vector<std::uint32_t> local(kDigits, 0);
      for_each_range(row_, begin, end, [&](std::int64_t i, std::int64_t last) {
        for (; i < last; ++i) {
          const auto bits =
              static_cast<std::uint64_t>(magnitude_bits(data_ + i));
          if (bits >> above == wanted) {
            ++local[static_cast<std::size_t>(bits >> shift) & (kDigits - 1)];
          }
        }
      });
      counts.add(local);
    });
  }

  /// Appends every element whose bits are at least `edge` to `entries`, and the
  /// bits of each to its digit in `gathered`, where that has the digit.
  void collect(
      Bits edge, Gathered& gathered, std::vector<Entry>& entries) const {
    std::bitset<kDigits> wanted;
    for (const auto& [digit, bits] : gathered) {
      wanted.set(digit);
    }
    if (edge == std::numeric_limits<Bits>::max() && gathered.empty()) {
      return;
    }
    std::mutex mutex;
    parallel([&](std::int64_t begin, std::int64_t end) {
      std::vector<Entry> found;
      std::vector<Bits> own;
      for_each_range(row_, begin, end, [&](std::int64_t i, std::int64_t last) {
        for (; i < last; ++i) {
          const Bits bits = magnitude_bits(data_ + i);
          if (bits >= edge) {
            found.push_back({i, static_cast<double>(data_[i])});
          }
          if (wanted[static_cast<std::size_t>(bits >> kShift)]) {
            own.push_back(bits);
          }
        }
      });
      const std::lock_guard<std::mutex> lock(mutex);
      entries.insert(entries.end(), found.begin(), found.end());
      for (const Bits bits : own) {
        gathered.at(static_cast<std::size_t>(bits >> kShift)).push_back(bits);
      }
    });
  }

  const T* data_;
  const std::vector<ElementRange>& row_;
  std::int64_t size_;
  bool has_nan_ = false;
};

} // namespace

Candidates find_candidates_cpu(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    const MagnitudeQuery& query) {
  return AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, x.scalar_type(), "find_candidates_cpu", [&] {
        return RadixScan<scalar_t>(x.const_data_ptr<scalar_t>(), row)
            .run(query);
      });
}

std::vector<std::int64_t> nearest_magnitudes_cpu(
    const torch::Tensor& x,
    const std::vector<ElementRange>& row,
    double centre,
    std::int64_t count) {
  std::priority_queue<std::pair<double, std::int64_t>>
      kept; // the farthest on top
  AT_DISPATCH_FLOATING_TYPES_AND2(
      at::kHalf, at::kBFloat16, x.scalar_type(), "nearest_magnitudes_cpu", [&] {
        const auto* data = x.const_data_ptr<scalar_t>();
        for_each_range(
            row, 0, element_count(row), [&](std::int64_t i, std::int64_t last) {
              for (; i < last; ++i) {
                const double distance =
                    std::abs(std::abs(static_cast<double>(data[i])) - centre);
                const bool has_room =
                    static_cast<std::int64_t>(kept.size()) < count;
                if (!has_room && !(distance < kept.top().first)) {
                  continue; // indices ascend, so a tie keeps the earlier
                            // element
                }
                if (!has_room) {
                  kept.pop();
                }
                kept.emplace(
                    std::isnan(distance)
                        ? std::numeric_limits<double>::infinity()
                        : distance,
                    i);
              }
            });
      });
  std::vector<std::int64_t> indices;
  for (; !kept.empty(); kept.pop()) {
    indices.push_back(kept.top().second);
  }
  std::sort(indices.begin(), indices.end());
  return indices;
}

} // namespace ma::detail
