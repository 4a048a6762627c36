// A histogram of positive numbers whose range need not be known: bins of equal
// width in log2, made where numbers fall.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace ma {

/// One bin: numbers in [from, to).
struct LogBin {
  std::int64_t index = 0; ///< `from` is 2^(index / per_octave)
  double from = 0;
  double to = 0;
  std::int64_t count = 0;
};

/// Where a histogram parts into two modes.
struct Valley {
  double low_mode = 0;    ///< centre of the fullest bin below
  double at = 0;          ///< the lowest place between the modes
  double high_mode = 0;   ///< centre of the fullest bin above
  std::int64_t above = 0; ///< numbers above `at`
};

class LogHistogram {
 public:
  static constexpr std::int64_t kPerOctave =
      32; ///< bins between x and 2 x: each is 2.2 % wide

  /// `x` is finite and not negative; 0 has a count of its own.
  void add(double x);

  /// Numbers so far, zeros included.
  std::int64_t count() const { return count_; }
  std::int64_t zeros() const { return zeros_; }

  /// All bins from the first to the last that has numbers, merged so that there
  /// are `per_octave` between x and 2 x. Throws ConfigError unless that
  /// divides kPerOctave.
  std::vector<LogBin> bins(std::int64_t per_octave = kPerOctave) const;

  /// The clearest valley between two modes, in bins of an eighth of an octave;
  /// nothing where there is none.
  ///
  /// It must be at most half as full as the lower of the modes, and the
  /// difference at least four times its standard error (of Poisson counts). In
  /// an empty gap it is the middle.
  std::optional<Valley> valley() const;

 private:
  std::map<std::int64_t, std::int64_t> counts_; // by floor(kPerOctave log2 x)
  std::int64_t count_ = 0;
  std::int64_t zeros_ = 0;
};

} // namespace ma
