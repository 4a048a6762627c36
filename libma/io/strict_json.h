// JSON from files: nothing ambiguous is accepted.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace ma {

/// Parses one JSON value that is all of `text`. Throws FileError, located at
/// `where`, when it is not valid JSON (RFC 8259, UTF-8), when an object has a
/// key twice, or when it is nested more than `deepest` levels.
nlohmann::json parse_json(
    std::string_view text, const std::string& where, int deepest = 64);

} // namespace ma
