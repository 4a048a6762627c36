// How long library work tells its caller how far it is. The caller may throw
// from the callback to stop the work.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace ma {

/// How far a piece of work is.
struct Progress {
  std::string stage = {}; ///< what is being done: "perplexity wikitext2"
  std::int64_t done = 0;
  std::int64_t total = 0; ///< 0 when unknown
  std::string unit = {};  ///< what is counted: "windows"
};

/// Called from the thread that does the work; empty means that nobody is
/// interested.
using ProgressFn = std::function<void(const Progress&)>;

/// Counts one stage: reports at the start (with what an earlier run had `done`)
/// and at each `add`.
class ProgressCounter {
 public:
  ProgressCounter(ProgressFn report, Progress start)
      : report_(std::move(report)), progress_(std::move(start)) {
    add(0);
  }

  void add(std::int64_t count) {
    progress_.done += count;
    if (report_) {
      report_(progress_);
    }
  }

 private:
  ProgressFn report_;
  Progress progress_;
};

} // namespace ma
