// Prompt templates: text with fields of a data set's row, and no logic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "libma/eval/text_filters.h"

namespace ma {

/// "Question: {goal|strip}\nAnswer:": literal text and fields in braces, each
/// with filters that apply from left to right. `{choices.0}` is an element of a
/// list, `{a.b}` a key of an object; `{{` and `}}` are braces.
class PromptTemplate {
 public:
  /// Throws ConfigError or UnknownNameError, located at `where`, on braces that
  /// do not match or an unknown filter.
  PromptTemplate(std::string_view text, const std::string& where);

  /// The text for `row`, an object. Strings stand as they are, integers and
  /// booleans as in JSON. Throws FileError, located at `where`, when the row
  /// lacks a field or has something else there.
  std::string render(const nlohmann::json& row, const std::string& where) const;

  /// For a template that is one field and nothing else: the field's list, each
  /// element filtered. Throws FileError, located at `where`, when it is no
  /// list of strings.
  std::vector<std::string> render_list(
      const nlohmann::json& row, const std::string& where) const;

  /// Whether it is one field and nothing else.
  bool is_field() const {
    return parts_.size() == 1 && !parts_.front().path.empty();
  }

 private:
  /// Literal text, or a field when it has a path.
  struct Part {
    std::string text = {};
    std::vector<std::string> path = {};
    std::vector<TextFilter> filters = {};
  };

  std::vector<Part> parts_;
};

} // namespace ma
