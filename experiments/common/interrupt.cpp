// One flag, set by the handler.
#include "experiments/common/interrupt.h"

namespace ma::experiments {
namespace {

volatile std::sig_atomic_t signal_arrived = 0;

void on_signal(int /*number*/) {
  signal_arrived = 1;
}

} // namespace

InterruptGuard::InterruptGuard() {
  signal_arrived = 0;
  struct sigaction action = {};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND) |
                    SA_RESTART; // the second signal has its default effect
  ::sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &before_int_);
  ::sigaction(SIGTERM, &action, &before_term_);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &before_int_, nullptr);
  ::sigaction(SIGTERM, &before_term_, nullptr);
}

void InterruptGuard::check() {
  if (signal_arrived != 0) {
    throw Interrupted();
  }
}

} // namespace ma::experiments
