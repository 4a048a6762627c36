#include "libma/core/json_number.h"

#include <cmath>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "libma/core/error.h"

namespace ma {
namespace {

double through_text(double value) {
  return number_from_json(nlohmann::json::parse(json_number(value).dump()));
}

TEST(JsonNumberTest, SurvivesText) {
  for (const double value :
       {0.1, -1.0 / 3.0, 1584117.3, 5e-324, HUGE_VAL, -HUGE_VAL}) {
    EXPECT_EQ(through_text(value), value);
  }
  EXPECT_TRUE(std::isnan(through_text(std::nan(""))));
}

TEST(JsonNumberTest, RefusesNullAndWords) {
  EXPECT_THROW(number_from_json(nullptr), ConfigError);
  EXPECT_THROW(number_from_json("many"), ConfigError);
}

} // namespace
} // namespace ma
