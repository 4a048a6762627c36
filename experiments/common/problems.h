// What is wrong with a user's inputs, all of it at once.
#pragma once

#include <exception>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ma::experiments {

/// Several mistakes of a user: each becomes a line, the exit status is 2.
class Problems : public std::exception {
 public:
  explicit Problems(std::vector<std::string> lines)
      : lines_(std::move(lines)) {}
  const char* what() const noexcept override { return "several problems"; }
  const std::vector<std::string>& lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

/// The message of an error on one line; of torch's, which go on with a stack
/// trace, the first line.
std::string one_line(const std::exception& error);

/// Looks that do not keep the later ones from being taken when they fail.
class Checks {
 public:
  /// Keeps the message of an Error, or the lines of Problems, that `look`
  /// throws, behind `prefix`.
  void attempt(
      const std::function<void()>& look, const std::string& prefix = {});

  /// Throws Problems when something was wrong.
  void finish();

 private:
  std::vector<std::string> lines_;
};

} // namespace ma::experiments
