// Rates, times, and what goes on the line.
#include "experiments/common/progress_printer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "libma/core/table.h"

namespace ma::experiments {
namespace {

constexpr double kSecondsBetweenBars = 0.1;
constexpr double kSecondsBetweenLines = 60;
constexpr std::int64_t kBarWidth = 24;

double steady_seconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

/// 75 -> "1:15", 3675 -> "1:01:15".
std::string format_duration(double seconds) {
  const auto total = static_cast<std::int64_t>(std::llround(seconds));
  const auto two_digits = [](std::int64_t value) {
    auto text = std::to_string(value);
    return text.insert(0, 2 - std::min<std::size_t>(text.size(), 2), '0');
  };
  const auto minutes = total / 60;
  const auto start = minutes < 60 ? std::to_string(minutes)
                                  : std::to_string(minutes / 60) + ":" +
                                        two_digits(minutes % 60);
  return start + ":" + two_digits(total % 60);
}

std::string bar(const Progress& progress) {
  const auto filled = std::clamp<std::int64_t>(
      progress.done * kBarWidth / progress.total, 0, kBarWidth);
  std::string text(static_cast<std::size_t>(kBarWidth), '.');
  std::fill_n(text.begin(), filled, '#');
  return "[" + text + "] ";
}

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
             ? size.ws_col
             : 80;
}

ProgressStyle resolve(ProgressStyle style) {
  if (style != ProgressStyle::kAuto) {
    return style;
  }
  return ::isatty(STDERR_FILENO) != 0 ? ProgressStyle::kBar
                                      : ProgressStyle::kLines;
}

} // namespace

ProgressPrinter::ProgressPrinter(ProgressStyle style)
    : ProgressPrinter(style, std::cerr, steady_seconds) {}

ProgressPrinter::ProgressPrinter(
    ProgressStyle style, std::ostream& out, std::function<double()> seconds)
    : style_(resolve(style)), out_(out), seconds_(std::move(seconds)) {}

void ProgressPrinter::begin_stage(const Progress& progress, double now) {
  stage_ = progress.stage;
  first_done_ = progress.done;
  began_ = now;
  // The bar appears at once; the first line after a minute, or at the end of
  // the stage.
  last_shown_ =
      style_ == ProgressStyle::kBar ? now - 2 * kSecondsBetweenBars : now;
}

/// "12/20 windows, 0.80/s, 0:10 left"; "in 0:25" at the end.
std::string ProgressPrinter::describe(
    const Progress& progress, double now) const {
  auto text = format_count(progress.done);
  if (progress.total > 0) {
    text.append("/").append(format_count(progress.total));
  }
  text.append(" ").append(progress.unit);
  const double elapsed = now - began_;
  if (progress.total > 0 && progress.done >= progress.total) {
    return text + " in " + format_duration(elapsed);
  }
  const double rate =
      elapsed > 0 ? static_cast<double>(progress.done - first_done_) / elapsed
                  : 0;
  if (rate > 0) {
    const auto left =
        static_cast<double>(progress.total - progress.done) / rate;
    text.append(", ")
        .append(format_number(rate, NumberStyle::kSignificant, 2))
        .append("/s");
    if (progress.total > 0) {
      text.append(", ").append(format_duration(left)).append(" left");
    }
  }
  return text;
}

void ProgressPrinter::show(const Progress& progress) {
  if (style_ == ProgressStyle::kSilent) {
    return;
  }
  const double now = seconds_();
  if (!in_stage_ || progress.stage != stage_ || progress.done < last_done_) {
    if (in_stage_ && style_ == ProgressStyle::kBar) {
      out_ << "\n"; // the earlier stage stopped before its end; keep its bar
    }
    begin_stage(progress, now);
  }
  last_done_ = progress.done;
  const bool ended = progress.total > 0 && progress.done >= progress.total;
  in_stage_ = !ended;
  const double pause = style_ == ProgressStyle::kBar ? kSecondsBetweenBars
                                                     : kSecondsBetweenLines;
  if (!ended && now - last_shown_ < pause) {
    return;
  }
  last_shown_ = now;
  if (style_ == ProgressStyle::kBar) {
    const auto line = progress.stage + " " +
                      (progress.total > 0 ? bar(progress) : "") +
                      describe(progress, now);
    out_ << "\r\x1b[K" << line.substr(0, terminal_width() - 1)
         << (ended ? "\n" : "") << std::flush;
  } else {
    out_ << progress.stage + ": " + describe(progress, now) + "\n"
         << std::flush;
  }
}

} // namespace ma::experiments
