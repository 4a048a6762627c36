// Which source the binaries were built from.
#pragma once

#include <string>

namespace ma::experiments {

struct BuildInfo {
  std::string version; ///< of libma: "0.1.0"
  std::string commit;  ///< 40 hex digits, or "unknown" outside git
  bool dirty = false;  ///< tracked files differed from the commit
};

BuildInfo build_info();

} // namespace ma::experiments
