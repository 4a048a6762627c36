#include "libma/io/base64.h"

#include "io_test_support.h"

namespace ma {
namespace {

TEST(Base64Test, DecodesTheVectorsOfRfc4648) {
  EXPECT_EQ(decode_base64("", "here"), "");
  EXPECT_EQ(decode_base64("Zg==", "here"), "f");
  EXPECT_EQ(decode_base64("Zm8=", "here"), "fo");
  EXPECT_EQ(decode_base64("Zm9v", "here"), "foo");
  EXPECT_EQ(decode_base64("Zm9vYg", "here"), "foob");
  EXPECT_EQ(decode_base64("/+8=", "here"), "\xFF\xEF");
}

TEST(Base64Test, RefusesOtherText) {
  for (const char* text : {"Zg===", "Z", "Zm9?", "Z=g=", "Zm 9"}) {
    EXPECT_THROW(decode_base64(text, "here"), FileError) << text;
  }
}

} // namespace
} // namespace ma
