// Parsing and filling in.
#include "libma/eval/prompt_template.h"

#include <algorithm>
#include <charconv>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma {
namespace {

using nlohmann::json;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    const auto end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

/// The element that `key` names, or null.
const json* child(const json& value, const std::string& key) {
  if (value.is_object()) {
    const auto found = value.find(key);
    return found == value.end() ? nullptr : &*found;
  }
  std::size_t index = 0;
  const auto* end = key.data() + key.size();
  const bool is_index =
      std::from_chars(key.data(), end, index).ptr == end && !key.empty();
  return value.is_array() && is_index && index < value.size() ? &value[index]
                                                              : nullptr;
}

const json& find(
    const json& row,
    const std::vector<std::string>& path,
    const std::string& where) {
  const json* value = &row;
  for (const std::string& key : path) {
    value = child(*value, key);
    if (value == nullptr) {
      std::vector<std::string> fields;
      for (const auto& entry : row.items()) {
        fields.push_back(entry.key());
      }
      throw FileError(
          where,
          "has no field '" + join(path, ".") +
              "'; it has: " + join(fields, ", "));
    }
  }
  return *value;
}

std::string apply(
    std::string text,
    const std::vector<TextFilter>& filters,
    const std::string& where) {
  for (const TextFilter filter : filters) {
    text = filter(text, where);
  }
  return text;
}

std::string as_text(
    const json& value,
    const std::vector<std::string>& path,
    const std::string& where) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_number_integer() || value.is_boolean()) {
    return value.dump();
  }
  throw FileError(
      where,
      "field '" + join(path, ".") + "': expected text or an integer, got " +
          value.type_name());
}

} // namespace

PromptTemplate::PromptTemplate(
    std::string_view text, const std::string& where) {
  std::string literal;
  const auto end_literal = [&] {
    if (!literal.empty()) {
      parts_.push_back({.text = std::move(literal)});
      literal.clear();
    }
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      literal += c;
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      literal += c;
      ++i;
    } else {
      const auto close = text.find_first_of("{}", i + 1);
      if (c == '}' || close == std::string_view::npos || text[close] == '{') {
        throw ConfigError(
            where,
            c10::str(
                "the brace at character ",
                i + 1,
                " has no partner; write {{ and }} for braces"));
      }
      end_literal();
      const auto names = split(text.substr(i + 1, close - i - 1), '|');
      Part part{.path = split(names.front(), '.')};
      if (std::find(part.path.begin(), part.path.end(), "") !=
          part.path.end()) {
        throw ConfigError(where, "a field in braces has no name");
      }
      for (std::size_t n = 1; n < names.size(); ++n) {
        part.filters.push_back(find_text_filter(names[n], where));
      }
      parts_.push_back(std::move(part));
      i = close;
    }
  }
  end_literal();
}

std::string PromptTemplate::render(
    const json& row, const std::string& where) const {
  std::string text;
  for (const Part& part : parts_) {
    text += part.path.empty()
                ? part.text
                : apply(
                      as_text(find(row, part.path, where), part.path, where),
                      part.filters,
                      where);
  }
  return text;
}

std::vector<std::string> PromptTemplate::render_list(
    const json& row, const std::string& where) const {
  const Part& part = parts_.front();
  const json& list = find(row, part.path, where);
  if (!list.is_array()) {
    throw FileError(
        where,
        "field '" + join(part.path, ".") + "': expected a list, got " +
            list.type_name());
  }
  std::vector<std::string> texts;
  for (const json& element : list) {
    texts.push_back(
        apply(as_text(element, part.path, where), part.filters, where));
  }
  return texts;
}

} // namespace ma
