// Texts for calibration and evaluation: plain UTF-8 files and JSON Lines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace ma {

enum class ByteOrderMark { kRefuse, kKeep, kStrip };
enum class LineEnds { kKeep, kToLf };

/// Nothing changes a text unless it is asked for: a byte order mark is
/// invisible but becomes a token, so it is refused.
struct TextOptions {
  ByteOrderMark byte_order_mark =
      ByteOrderMark::kRefuse; ///< U+FEFF at the very start
  LineEnds line_ends =
      LineEnds::kKeep; ///< kToLf: CR LF becomes LF; a lone CR stays
};

/// The text of a UTF-8 file. Throws FileError with the position of the first
/// byte that is not UTF-8, or on an unwanted byte order mark.
std::string read_text(
    const std::filesystem::path& path, const TextOptions& options = {});

/// Calls `use(value, line)` for each JSON value of a JSON Lines file, `line`
/// counted from 1, until it returns false. Blank lines are passed over. Throws
/// FileError, located at `path:line`.
void for_each_json_line(
    const std::filesystem::path& path,
    const std::function<bool(const nlohmann::json&, std::int64_t)>& use);

/// The string `field` of each line's object, of the first `limit` lines. Throws
/// FileError, located at `path:line`, where the line has no such string.
std::vector<std::string> read_jsonl_field(
    const std::filesystem::path& path,
    const std::string& field,
    std::int64_t limit = std::numeric_limits<std::int64_t>::max());

/// `texts` with `separator` between each two, reserved once.
std::string join_texts(
    const std::vector<std::string>& texts, std::string_view separator);

} // namespace ma
