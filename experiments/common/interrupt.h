// Ctrl-C as an exception: the work stops between two steps, so that a journal
// is left complete.
#pragma once

#include <csignal>
#include <exception>

namespace ma::experiments {

/// The user asked to stop. Not an error: the run can be resumed.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// While one lives, the first SIGINT or SIGTERM only makes `check` throw; the
/// second ends the process at once.
class InterruptGuard {
 public:
  InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;
  ~InterruptGuard();

  /// Throws Interrupted when a signal has arrived.
  static void check();

 private:
  struct sigaction before_int_ = {};
  struct sigaction before_term_ = {};
};

} // namespace ma::experiments
