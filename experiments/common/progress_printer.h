// Shows progress to a person: one bar that overwrites itself on a terminal, a
// line a minute elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <string>

#include "libma/core/progress.h"

namespace ma::experiments {

enum class ProgressStyle {
  kAuto, ///< kBar when standard error is a terminal, else kLines
  kBar,
  kLines,
  kSilent,
};

class ProgressPrinter {
 public:
  /// `seconds` is the clock; standard error and the steady clock unless told.
  explicit ProgressPrinter(ProgressStyle style);
  ProgressPrinter(
      ProgressStyle style, std::ostream& out, std::function<double()> seconds);

  /// Shows `progress`, unless something was shown a moment ago and this is not
  /// the end of its stage.
  void show(const Progress& progress);

 private:
  void begin_stage(const Progress& progress, double now);
  std::string describe(const Progress& progress, double now) const;

  ProgressStyle style_;
  std::ostream& out_;
  std::function<double()> seconds_;
  std::string stage_;
  bool in_stage_ = false;
  std::int64_t first_done_ =
      0; ///< done when the stage began here: an earlier run's share
  std::int64_t last_done_ = 0;
  double began_ = 0;
  double last_shown_ = 0;
};

} // namespace ma::experiments
