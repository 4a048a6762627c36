// nlohmann's parser keeps the last of two equal keys; a callback counts them
// instead.
#include "libma/io/strict_json.h"

#include <set>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/io/utf8.h"

namespace ma {

nlohmann::json parse_json(
    std::string_view text, const std::string& where, int deepest) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::set<std::string>> keys; // of the objects that are open
  const auto watch = [&](int depth, Event event, nlohmann::json& parsed) {
    if (depth > deepest) {
      throw FileError(
          where,
          "JSON is nested more than " + std::to_string(deepest) + " deep");
    }
    if (event == Event::object_start) {
      keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (
        event == Event::key &&
        !keys.back().insert(parsed.get<std::string>()).second) {
      throw FileError(
          where,
          "key " + in_quotes(parsed.get<std::string>()) +
              " occurs twice in one JSON object");
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, watch);
  } catch (const nlohmann::json::parse_error& error) {
    throw FileError(
        where,
        "is not valid JSON at byte " + std::to_string(error.byte) + " of " +
            std::to_string(text.size()));
  } catch (const nlohmann::json::exception&) { // a number beyond double
    throw FileError(where, "is not valid JSON: a number is out of range");
  }
}

} // namespace ma
