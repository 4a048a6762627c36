// Messages of errors, collected.
#include "experiments/common/problems.h"

#include <algorithm>

#include "libma/core/error.h"

namespace ma::experiments {

std::string one_line(const std::exception& error) {
  std::string message = error.what();
  if (dynamic_cast<const Error*>(&error) == nullptr) {
    return message.substr(0, message.find('\n'));
  }
  std::replace(message.begin(), message.end(), '\n', ' ');
  return message;
}

void Checks::attempt(
    const std::function<void()>& look, const std::string& prefix) {
  try {
    look();
  } catch (const Problems& problems) {
    for (const std::string& line : problems.lines()) {
      lines_.push_back(prefix + line);
    }
  } catch (const Error& error) {
    lines_.push_back(prefix + one_line(error));
  }
}

void Checks::finish() {
  if (!lines_.empty()) {
    throw Problems(std::move(lines_));
  }
}

} // namespace ma::experiments
