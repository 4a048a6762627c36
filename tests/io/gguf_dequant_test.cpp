// Blocks whose values can be worked out by hand. Random blocks are compared
// with the gguf package in Python.
#include "libma/io/gguf_dequant.h"

#include "io_test_support.h"
#include <ATen/ops/equal.h>

#include "libma/io/float16.h"
#include "libma/io/gguf.h"
#include "libma/io/gguf_encoding.h"

namespace ma {
namespace {

using testing::bytes_of;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::TempDir;

const std::string kTwo("\x00\x40", 2);  // float16 2.0
const std::string kHalf("\x00\x38", 2); // float16 0.5

std::vector<float> dequantized(
    const std::string& encoding, const std::string& block, int n_values) {
  std::vector<float> values(static_cast<std::size_t>(n_values));
  find_dequantizer(encoding)(
      reinterpret_cast<const std::uint8_t*>(block.data()), 1, values.data());
  return values;
}

TEST(ReadFloat16Test, AgreesWithTorchOnEveryValue) {
  for (int bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    std::uint8_t bytes[2];
    std::memcpy(bytes, &half, 2);
    const float expected = c10::Half(half, c10::Half::from_bits());
    const float value = read_float16(bytes);
    if (std::isnan(expected)) {
      EXPECT_TRUE(std::isnan(value)) << bits;
    } else {
      EXPECT_EQ(bytes_of(value), bytes_of(expected)) << bits;
    }
  }
}

TEST(DequantizeTest, Q4_0PutsLowNibblesFirstAndCentresThem) {
  const auto values = dequantized("Q4_0", kTwo + std::string(16, '\x1F'), 32);
  EXPECT_EQ(values[0], 2.0F * (15 - 8));
  EXPECT_EQ(values[15], 14.0F);
  EXPECT_EQ(values[16], 2.0F * (1 - 8));
  EXPECT_EQ(values[31], -14.0F);
}

TEST(DequantizeTest, Q4_1AddsTheMinimum) {
  const auto values =
      dequantized("Q4_1", kTwo + kHalf + std::string(16, '\x1F'), 32);
  EXPECT_EQ(values[0], 30.5F);
  EXPECT_EQ(values[16], 2.5F);
}

TEST(DequantizeTest, Q5_0TakesTheFifthBitFromTheMask) {
  // Only bit 17 of the mask is set: value 1 of the second half.
  const auto values = dequantized(
      "Q5_0",
      kTwo + std::string("\x00\x00\x02\x00", 4) + std::string(16, '\x1F'),
      32);
  EXPECT_EQ(values[0], 2.0F * (15 - 16));
  EXPECT_EQ(values[16], 2.0F * (1 - 16));
  EXPECT_EQ(values[17], 2.0F * (17 - 16));
}

TEST(DequantizeTest, Q8_0ScalesSignedBytes) {
  std::string block = kHalf + std::string(32, '\x80');
  block[2 + 31] = '\x7F';
  const auto values = dequantized("Q8_0", block, 32);
  EXPECT_EQ(values[0], -64.0F);
  EXPECT_EQ(values[31], 63.5F);
}

TEST(DequantizeTest, Q6_KCentresSixBitsAndScalesGroupsOfSixteen) {
  std::string block(210, '\0');
  block[192 + 3] = '\xFE'; // group 3 (values 48 to 63): scale -2
  block.replace(208, 2, kHalf);
  block[16 + 32] = '\x05';  // low nibble of value 48
  block[128 + 16] = '\x0C'; // upper bits of value 48: second pair = 3
  const auto values = dequantized("Q6_K", block, 256);
  EXPECT_EQ(values[47], 0.0F); // scale 0
  EXPECT_EQ(values[48], 0.5F * -2 * (53 - 32));
  EXPECT_EQ(values[49], 0.5F * -2 * (0 - 32));
}

TEST(DequantizeTest, EveryFunctionReadsJustItsBlocks) {
  for (const GgufEncoding& encoding : gguf_encodings()) {
    const Dequantize dequantize = find_dequantizer(encoding.name);
    if (dequantize == nullptr) {
      continue;
    }
    // Exactly sized, so that the address sanitizer sees a read or write past
    // the end.
    const std::vector<std::uint8_t> blocks(
        static_cast<std::size_t>(3 * encoding.block_bytes), 0x11);
    std::vector<float> values(
        static_cast<std::size_t>(3 * encoding.block_values), -1e30F);
    dequantize(blocks.data(), 3, values.data());
    for (std::size_t i = 0; i < values.size() / 3; ++i) {
      ASSERT_NE(values[i], -1e30F) << encoding.name << " leaves value " << i;
      ASSERT_EQ(values[i], values[i + 2 * values.size() / 3]) << encoding.name;
    }
  }
}

TEST(DequantizeTest, IQ4_NLLooksNibblesUp) {
  const auto values = dequantized("IQ4_NL", kTwo + std::string(16, '\x7F'), 32);
  EXPECT_EQ(values[0], 226.0F);  // 2 * value 15 of the table
  EXPECT_EQ(values[16], -20.0F); // 2 * value 7
}

TEST(DequantizeTest, MXFP4ScalesByPowersOfTwoAlsoSubnormalOnes) {
  const std::string codes(16, '\xF1');                          // 0.5 and -6
  EXPECT_EQ(dequantized("MXFP4", "\x80" + codes, 32)[0], 1.0F); // 2^1 * 0.5
  EXPECT_EQ(dequantized("MXFP4", "\x80" + codes, 32)[16], -12.0F);
  EXPECT_EQ(
      dequantized("MXFP4", std::string(1, '\0') + codes, 32)[0], 0x1p-128F);
}

TEST(DequantizeTest, NVFP4ScalesSixteenValuesEach) {
  // Scales 1 and 2^-9 (the smallest), codes 0.5 and -6.
  const std::string block =
      std::string("\x38\x01\x00\x7F", 4) + std::string(32, '\xF1');
  const auto values = dequantized("NVFP4", block, 64);
  EXPECT_EQ(values[0], 0.5F);
  EXPECT_EQ(values[8], -6.0F);
  EXPECT_EQ(values[16], 0x1p-10F);
  EXPECT_EQ(values[32], 0.0F);
  EXPECT_EQ(values[48], 0.0F); // no number
}

TEST(DequantizeTest, TernaryValuesAreCentred) {
  // All digits 2 in every byte: 242 / 243 of 256, rounded up.
  const auto tq1 = dequantized("TQ1_0", std::string(52, '\xFF') + kTwo, 256);
  EXPECT_EQ(tq1[0], 2.0F);
  EXPECT_EQ(tq1[255], 2.0F);
  const auto tq2 = dequantized("TQ2_0", std::string(64, '\x18') + kTwo, 256);
  EXPECT_EQ(tq2[0], -2.0F); // pairs of bits from the lowest: 0, 2, 1, 0
  EXPECT_EQ(tq2[32], 2.0F);
  EXPECT_EQ(tq2[64], 0.0F);
}

TEST(DequantizeTest, SaysWhatItReadsAndHowToGetTheRest) {
  EXPECT_EQ(find_dequantizer("F32"), nullptr);
  EXPECT_EQ(find_dequantizer("Q8_K"), nullptr);
  EXPECT_THAT(why_not_dequantized("Q8_K"), HasSubstr("Q6_K, IQ4_NL"));
  EXPECT_THAT(why_not_dequantized("IQ2_XS"), HasSubstr("pip install gguf"));
}

/// A file with the Q4_1 tensor `a` [rows, 64] of different blocks.
GgufFile write_q4_1(const TempDir& dir, std::int64_t rows) {
  std::string blocks;
  for (std::int64_t i = 0; i < rows * 2; ++i) {
    blocks += kTwo + kHalf + std::string(16, static_cast<char>(i * 37));
  }
  GgufBuilder builder;
  builder.tensor("a", {64, static_cast<std::uint64_t>(rows)}, 3, blocks);
  return GgufFile::open(dir.write("a.gguf", builder.bytes()));
}

TEST(LoadGgufTensorTest, RoundsFromFloat32ToOtherTypes) {
  const TempDir dir;
  const GgufFile file =
      write_q4_1(dir, 3000); // several buffers and several tasks
  const torch::Tensor exact = file.load("a", torch::kFloat32);
  EXPECT_EQ(exact.sizes(), (std::vector<std::int64_t>{3000, 64}));
  for (const auto dtype :
       {torch::kBFloat16, torch::kFloat16, torch::kFloat64}) {
    EXPECT_TRUE(at::equal(file.load("a", dtype), exact.to(dtype))) << dtype;
  }
  message_of<ShapeError>([&] { file.load("a", torch::kInt64); });
}

TEST(LoadGgufTensorTest, ReportsValuesThatOverflowFloat16) {
  const TempDir dir;
  GgufBuilder builder;
  builder.tensor(
      "a",
      {32},
      8,
      std::string("\xFF\x7B", 2) + std::string(32, '\x02')); // 65504 * 2
  const GgufFile file = GgufFile::open(dir.write("a.gguf", builder.bytes()));
  EXPECT_EQ(file.load("a", torch::kFloat32)[0].item<float>(), 131008.0F);
  EXPECT_THAT(
      message_of<ShapeError>([&] { file.load("a", torch::kFloat16); }),
      HasSubstr("beyond float16's largest"));
}

} // namespace
} // namespace ma
