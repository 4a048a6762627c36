// Messages for the person at the terminal. Silent until a binary asks for them:
// the library itself never prints.
#pragma once

#include <string_view>

namespace ma::log {

enum class Level { kInfo, kWarn, kError, kOff };

/// Sends messages of `level` and above to standard error, with the time; `kOff`
/// silences again.
void to_stderr(Level level);

void info(std::string_view message);
void warn(std::string_view message);
void error(std::string_view message);

} // namespace ma::log
