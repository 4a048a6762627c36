// Texts of tokens in tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ma {

/// Token number `index` of `texts` on one line, as JSON writes it: "\n" in
/// quotation marks; nothing when there are no texts.
inline std::string quoted_token(
    const std::vector<std::string>& texts, std::int64_t index) {
  return texts.empty()
             ? std::string()
             : nlohmann::json(texts.at(static_cast<std::size_t>(index)))
                   .dump(
                       /*indent=*/-1,
                       ' ',
                       /*ensure_ascii=*/false,
                       nlohmann::json::error_handler_t::replace);
}

} // namespace ma
