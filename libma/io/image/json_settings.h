// Reads the settings of another library's JSON file strictly.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {

/// A JSON object whose errors name the file and the key.
class JsonSettings {
 public:
  JsonSettings(nlohmann::json object, std::string where)
      : object_(std::move(object)), where_(std::move(where)) {}

  const std::string& where() const { return where_; }
  const nlohmann::json& object() const { return object_; }

  [[noreturn]] void fail(
      std::string_view key, const std::string& problem) const {
    throw ConfigError(where_, std::string(key) + ": " + problem);
  }

  [[noreturn]] void fail_value(
      std::string_view key, const std::string& expected) const {
    fail(key, "expected " + expected + ", got " + object_.at(key).dump());
  }

  /// The value; nothing where it is absent or null.
  const nlohmann::json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }

  const nlohmann::json& need(std::string_view key) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) {
      fail(key, "is missing");
    }
    return *value;
  }

  bool flag(std::string_view key, bool fallback) const {
    const nlohmann::json* const value = find(key);
    if (value != nullptr && !value->is_boolean()) {
      fail_value(key, "true or false");
    }
    return value == nullptr ? fallback : value->get<bool>();
  }

  std::string text(std::string_view key, const std::string& fallback) const {
    const nlohmann::json* const value = find(key);
    if (value != nullptr && !value->is_string()) {
      fail_value(key, "a string");
    }
    return value == nullptr ? fallback : value->get<std::string>();
  }

  double number(std::string_view key, double fallback) const {
    const nlohmann::json* const value = find(key);
    if (value != nullptr && !value->is_number()) {
      fail_value(key, "a number");
    }
    return value == nullptr ? fallback : value->get<double>();
  }

  std::array<double, 3> colors(
      std::string_view key, const std::array<double, 3>& fallback) const {
    const nlohmann::json* const value = find(key);
    if (value == nullptr) {
      return fallback;
    }
    std::array<double, 3> all = {};
    for (std::size_t c = 0; c < all.size(); ++c) {
      if (!value->is_array() || value->size() != 3 ||
          !value->at(c).is_number()) {
        fail_value(key, "3 numbers");
      }
      all[c] = value->at(c).get<double>();
    }
    return all;
  }

  /// `value`, which stands at `key`, as a number of pixels.
  std::int64_t pixels(std::string_view key, const nlohmann::json& value) const {
    if (!value.is_number_integer() || value.get<double>() < 1 ||
        value.get<double>() > 65535) {
      fail_value(key, "1 to 65535 pixels");
    }
    return value.get<std::int64_t>();
  }

 private:
  nlohmann::json object_;
  std::string where_;
};

} // namespace ma
