// One write(2) a line, a lock against a second writer, and recovery of what a
// killed run left.
#include "libma/core/journal.h"

#include <cstdio>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>
#include <sys/file.h>

#include "libma/core/files.h"
#include "libma/core/posix_file.h"

namespace ma {
namespace {

struct Recovery {
  std::vector<nlohmann::json> lines; ///< complete ones, the header first
  std::size_t bytes = 0;             ///< that they take in the file
};

Recovery recover(const std::string& text) {
  Recovery recovery;
  for (;;) {
    const auto end = text.find('\n', recovery.bytes);
    if (end == std::string::npos) {
      return recovery;
    }
    auto line = nlohmann::json::parse(
        text.begin() + static_cast<std::ptrdiff_t>(recovery.bytes),
        text.begin() + static_cast<std::ptrdiff_t>(end),
        /*callback=*/nullptr,
        /*allow_exceptions=*/false);
    if (line.is_discarded()) {
      return recovery;
    }
    recovery.lines.push_back(std::move(line));
    recovery.bytes = end + 1;
  }
}

PosixFile open_locked(const std::filesystem::path& path) {
  PosixFile file(path, O_RDWR | O_CREAT | O_APPEND, "open");
  // A file system without locks is no reason to refuse.
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0 &&
      errno == EWOULDBLOCK) {
    throw FileError(
        path.string(),
        "another run is writing here; wait for it or choose another output "
        "folder");
  }
  return file;
}

} // namespace

struct JsonlJournal::State {
  PosixFile file;
  std::vector<nlohmann::json> recovered;
};

JsonlJournal::JsonlJournal(std::unique_ptr<State> state)
    : state_(std::move(state)) {}
JsonlJournal::JsonlJournal(JsonlJournal&&) noexcept = default;
JsonlJournal& JsonlJournal::operator=(JsonlJournal&&) noexcept = default;
JsonlJournal::~JsonlJournal() = default;

JsonlJournal JsonlJournal::open(
    const std::filesystem::path& path, const nlohmann::json& header) {
  auto file = open_locked(path);
  const auto text = read_file(path);
  auto recovery = recover(text);
  if (!recovery.lines.empty() && recovery.lines[0] == header) {
    if (::ftruncate(file.descriptor(), static_cast<off_t>(recovery.bytes)) !=
        0) {
      throw system_error(path, "truncate");
    }
    recovery.lines.erase(recovery.lines.begin());
    return JsonlJournal(
        std::make_unique<State>(std::move(file), std::move(recovery.lines)));
  }
  if (!text.empty()) {
    auto aside = path;
    aside += ".old";
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
      throw system_error(path, "set aside");
    }
    file = open_locked(path);
  }
  JsonlJournal journal(
      std::make_unique<State>(std::move(file), std::vector<nlohmann::json>()));
  journal.append(header);
  return journal;
}

const std::vector<nlohmann::json>& JsonlJournal::recovered() const {
  return state_->recovered;
}

void JsonlJournal::append(const nlohmann::json& line) {
  const auto replace =
      nlohmann::json::error_handler_t::replace; // texts of data sets are not
                                                // always UTF-8
  state_->file.write(
      line.dump(/*indent=*/-1, ' ', /*ensure_ascii=*/false, replace) + "\n");
}

} // namespace ma
