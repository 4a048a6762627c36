// Errors of the library. Each message has three parts: `[where] what was wrong
// with the value, what to do or what exists`.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace ma {

/// Base of every error that a caller can cause. `what()` is one line: `[where]
/// problem`.
class Error : public std::runtime_error {
 public:
  /// `where` names the file, key, site or function; `problem` says what arrived
  /// and what to do.
  Error(std::string_view where, std::string_view problem);
};

/// A setting, option or YAML value is wrong (Python: also ValueError).
class ConfigError : public Error {
 public:
  using Error::Error;
};

/// A tensor has the wrong shape, dtype or device, or a hook wrote in place
/// (Python: also ValueError).
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A file is absent, truncated or lies about its contents (Python: also
/// OSError).
class FileError : public Error {
 public:
  using Error::Error;
};

/// A name is not in its list; the message offers the nearest ones (Python: also
/// LookupError).
class UnknownNameError : public Error {
 public:
  using Error::Error;
  /// `[where] no <kind> named 'name'; nearest: a, b, c`.
  UnknownNameError(
      std::string_view where,
      std::string_view kind,
      std::string_view name,
      const std::vector<std::string>& known);
};

} // namespace ma
