// Append-only JSON lines that survive `kill -9`: how a run continues where it
// stopped.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ma {

/// A file of JSON lines. The first is a header that says what the lines are
/// results of; each later one is one result.
///
/// Only one process may hold a journal open. All members throw FileError when
/// the system refuses.
class JsonlJournal {
 public:
  /// Opens or creates `path`. When its header equals `header`, the complete
  /// lines behind it are kept (a line torn by a crash, and what follows it, is
  /// cut off); any other journal is renamed to `<path>.old` and a new one is
  /// begun.
  static JsonlJournal open(
      const std::filesystem::path& path, const nlohmann::json& header);

  JsonlJournal(JsonlJournal&&) noexcept;
  JsonlJournal& operator=(JsonlJournal&&) noexcept;
  ~JsonlJournal();

  /// The lines that an earlier run left, in its order, without the header.
  const std::vector<nlohmann::json>& recovered() const;

  /// Adds one line. When it returns, the line survives the death of this
  /// process. Infinite numbers need `json_number`.
  void append(const nlohmann::json& line);

 private:
  struct State;
  explicit JsonlJournal(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

} // namespace ma
