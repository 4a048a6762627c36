#include "libma/io/sha256.h"

#include "io_test_support.h"

#include "libma/io/sha256_block.h"

namespace ma {
namespace {

using testing::TempDir;

// FIPS 180-4 examples and NIST's "million a".
TEST(Sha256Test, MatchesPublishedDigests) {
  EXPECT_EQ(
      sha256_hex(""),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(
      sha256_hex("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(
      sha256_hex(std::string(1'000'000, 'a')),
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, DoesNotDependOnHowTheBytesArrive) {
  std::string bytes;
  for (int i = 0; i < 1000; ++i) {
    bytes += static_cast<char>(i * 7);
  }
  const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
  for (const std::size_t piece : {1, 3, 63, 64, 65, 130}) {
    Sha256 hash;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      hash.update({data + at, std::min(piece, bytes.size() - at)});
    }
    EXPECT_EQ(hash.hex(), sha256_hex(bytes)) << "pieces of " << piece;
  }
}

TEST(Sha256Test, GivesTheSameDigestOnBothSidesOfTheLengthField) {
  // Python: hashlib.sha256(b'x' * n).hexdigest()
  EXPECT_EQ(
      sha256_hex(std::string(55, 'x')),
      "d5e285683cd4efc02d021a5c62014694958901005d6f71e89e0989fac77e4072");
  EXPECT_EQ(
      sha256_hex(std::string(56, 'x')),
      "04c26261370ee7541549d16dee320c723e3fd14671e66a099afe0a377c16888e");
  EXPECT_EQ(
      sha256_hex(std::string(64, 'x')),
      "7ce100971f64e7001e8fe5a51973ecdfe1ced42befe7ee8d5fd6219506b5393c");
}

TEST(Sha256Test, PortableAndFastCodeAgree) {
  std::vector<std::uint8_t> data(64 * 100);
  for (std::size_t i = 0; i < data.size(); ++i) {
    data[i] = static_cast<std::uint8_t>(i * i + 3 * i);
  }
  std::array<std::uint32_t, 8> fast = {1, 2, 3, 4, 5, 6, 7, 8};
  std::array<std::uint32_t, 8> portable = fast;
  sha256_blocks(fast.data(), data.data(), 100);
  sha256_blocks_portable(portable.data(), data.data(), 100);
  EXPECT_EQ(fast, portable);
}

TEST(Sha256Test, HashesAFile) {
  const TempDir dir;
  EXPECT_EQ(sha256_file(dir.write("abc", "abc")), sha256_hex("abc"));
}

} // namespace
} // namespace ma
