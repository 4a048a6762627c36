// Damaged files: random bytes flipped, inserted or cut off. Whatever happens,
// the readers throw ma::Error or succeed. Run under the sanitizers (preset
// `dev`) this also finds reads outside the file.
#include <functional>
#include <random>

#include "io_test_support.h"
#include <nlohmann/json.hpp>

#include "libma/io/gguf.h"
#include "libma/io/safetensors.h"

namespace ma {
namespace {

using testing::bytes_of;
using testing::GgufBuilder;
using testing::memory_folder;
using testing::safetensors_bytes;
using testing::TempDir;

constexpr int kRounds = 3000;

std::string damaged(std::string bytes, std::mt19937& random) {
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  const std::size_t n_edits = 1 + below(4);
  for (std::size_t i = 0; i < n_edits && !bytes.empty(); ++i) {
    const std::size_t at = below(bytes.size());
    switch (below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(below(256));
        break;
      case 2: // lengths and counts that are enormous or off by little
        for (std::size_t j = at; j < std::min(at + 8, bytes.size()); ++j) {
          bytes[j] = '\xFF';
        }
        break;
      case 3:
        bytes.resize(at);
        break;
      default:
        bytes.insert(at, 1 + below(16), static_cast<char>(below(256)));
    }
  }
  return bytes;
}

/// Opens and reads `kRounds` damaged copies of `bytes`; both outcomes must
/// occur, else the test proves little.
void expect_only_errors_of_libma(
    const std::string& bytes,
    const std::function<void(const std::filesystem::path&)>& read) {
  const TempDir dir(memory_folder());
  ASSERT_NO_THROW(read(dir.write("file", bytes)));
  std::mt19937 random(20240531);
  int n_errors = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string copy = damaged(bytes, random);
    try {
      read(dir.write("file", copy));
    } catch (const Error&) {
      ++n_errors;
    } catch (const std::exception& other) {
      FAIL() << "round " << round << ": " << other.what();
    }
  }
  EXPECT_GT(n_errors, kRounds / 20);
  EXPECT_LT(n_errors, kRounds);
}

TEST(ReaderFuzzTest, SafetensorsReaderSurvivesDamage) {
  const std::string header = R"({"__metadata__": {"format": "pt"},
    "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]},
    "c": {"dtype": "BOOL", "shape": [3, 1], "data_offsets": [32, 35]},
    "d": {"dtype": "F8_E4M3", "shape": [], "data_offsets": [35, 36]},
    "e": {"dtype": "I64", "shape": [0, 7], "data_offsets": [36, 36]}})";
  expect_only_errors_of_libma(
      safetensors_bytes(header, std::string(36, '\1')), [](const auto& path) {
        const auto file = SafetensorsFile::open(path);
        for (const auto& entry : file.tensors()) {
          file.load(entry.first, torch::kFloat32);
          file.view(entry.first);
        }
      });
}

TEST(ReaderFuzzTest, GgufReaderSurvivesDamage) {
  GgufBuilder builder;
  builder.pair("general.architecture", 8, GgufBuilder::text("llama"));
  builder.pair("general.alignment", 4, bytes_of<std::uint32_t>(32))
      .pair("rope", 6, bytes_of(10000.0F));
  const std::string words = GgufBuilder::text("one") + GgufBuilder::text("two");
  builder.pair(
      "tokens",
      9,
      bytes_of<std::uint32_t>(8) + bytes_of<std::uint64_t>(2) + words);
  builder.pair(
      "types",
      9,
      bytes_of<std::uint32_t>(5) + bytes_of<std::uint64_t>(3) +
          std::string(12, '\1'));
  const std::string inner =
      bytes_of<std::uint32_t>(0) + bytes_of<std::uint64_t>(2) + "ab";
  builder.pair(
      "nested",
      9,
      bytes_of<std::uint32_t>(9) + bytes_of<std::uint64_t>(2) + inner + inner);
  builder.tensor("f32", {3, 2}, 0, std::string(24, '\2'))
      .tensor("q4_1", {32, 2}, 3, std::string(40, '\3'));
  builder.tensor("q6_k", {256}, 14, std::string(210, '\4'))
      .tensor("i8", {5}, 24, "abcde");
  expect_only_errors_of_libma(builder.bytes(), [](const auto& path) {
    const auto file = GgufFile::open(path);
    for (const std::string key : {"tokens", "types", "nested"}) {
      if (file.has(key) && !file.metadata().contains(key)) {
        file.array(key);
      }
    }
    for (const auto& entry : file.tensors()) {
      file.load(entry.first, torch::kFloat32);
      file.load(entry.first, torch::kBFloat16);
    }
  });
}

} // namespace
} // namespace ma
