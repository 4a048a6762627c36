// The only file that sees spdlog. Compiled without torch's include folder,
// whose newer fmt would shadow spdlog's own.
#include "libma/core/log.h"

#include <memory>

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

namespace ma::log {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

/// Not in spdlog's global registry, so that an application's own spdlog
/// settings and ours do not meet.
spdlog::logger& logger() {
  static auto instance = [] {
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    auto made = std::make_unique<spdlog::logger>("libma", std::move(sink));
    made->set_pattern("[%H:%M:%S] %^%l%$: %v");
    made->set_level(spdlog::level::off);
    return made;
  }();
  return *instance;
}

} // namespace

void to_stderr(Level level) {
  logger().set_level(spdlog_level(level));
}

void info(std::string_view message) {
  logger().log(
      spdlog::level::info,
      spdlog::string_view_t(message.data(), message.size()));
}

void warn(std::string_view message) {
  logger().log(
      spdlog::level::warn,
      spdlog::string_view_t(message.data(), message.size()));
}

void error(std::string_view message) {
  logger().log(
      spdlog::level::err,
      spdlog::string_view_t(message.data(), message.size()));
}

} // namespace ma::log
