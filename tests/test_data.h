// Where tests find the optional reference data; a test that needs a file of it
// skips with a reason where it is absent.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

namespace ma::testing {

/// Path of `relative` below the reference data beside the checkout
/// (`../shared/data`).
inline std::filesystem::path reference_path(const std::string& relative) {
  return std::filesystem::path(LIBMA_SOURCE_DIR) / ".." / "shared" / "data" /
         relative;
}

} // namespace ma::testing

/// Skips the running test, naming the file, unless the reference data holds
/// `relative`.
#define MA_REQUIRE_REFERENCE(relative)                                     \
  if (!std::filesystem::exists(::ma::testing::reference_path(relative))) { \
    GTEST_SKIP() << "reference data is absent: " << (relative);            \
  }
