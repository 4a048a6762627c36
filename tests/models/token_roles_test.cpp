#include "libma/models/token_roles.h"

#include <gtest/gtest.h>

#include "libma/core/error.h"

namespace ma {
namespace {

VisionConfig with_registers() {
  VisionConfig config;
  config.n_registers = 2;
  return config;
}

constexpr nn::PatchGrid kGrid{.rows = 3, .columns = 4};

TEST(TokenRolesTest, PositionsAreInverseToRoles) {
  const auto config = with_registers();
  for (std::int64_t position = 0; position < 3 + kGrid.count(); ++position) {
    const auto role = token_role(config, kGrid, position);
    EXPECT_EQ(token_position(config, kGrid, role, "test"), position) << role;
  }
}

TEST(TokenRolesTest, PatchesFollowThePrefixRowByRow) {
  EXPECT_EQ(token_role(with_registers(), kGrid, 0), "cls");
  EXPECT_EQ(token_role(with_registers(), kGrid, 2), "register:1");
  EXPECT_EQ(token_role(with_registers(), kGrid, 3 + 4 + 2), "patch:1,2");
}

TEST(TokenRolesTest, ThrowsOnATokenThatThereIsNot) {
  const auto config = with_registers();
  EXPECT_THROW(
      token_position(config, kGrid, "register:2", "test"), UnknownNameError);
  EXPECT_THROW(
      token_position(config, kGrid, "patch", "test"), UnknownNameError);
  EXPECT_THROW(token_position(config, kGrid, "patch:3,0", "test"), ConfigError);
  EXPECT_THROW(
      token_position(config, kGrid, "patch:0,-1", "test"), ConfigError);
}

} // namespace
} // namespace ma
