#include "libma/io/hf_folder.h"

#include "io_test_support.h"

namespace ma {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::message_of;
using testing::safetensors_bytes;
using testing::TempDir;

/// A safetensors file whose tensors are the single floats 0, 1, 2, ...
std::string scalars(const std::vector<std::string>& names) {
  std::string header = "{";
  std::vector<float> data;
  for (const std::string& name : names) {
    const std::string begin = std::to_string(4 * data.size());
    data.push_back(static_cast<float>(data.size()));
    header += (data.size() > 1 ? ", " : "") + ("\"" + name) +
              R"(": {"dtype": "F32", "shape": [], "data_offsets": [)" + begin +
              ", " + std::to_string(4 * data.size()) + "]}";
  }
  return safetensors_bytes(header + "}", bytes_of(data));
}

constexpr const char* kIndex = "model.safetensors.index.json";

/// A folder with two shards; `index` is the weight_map.
void write_shards(const TempDir& dir, const std::string& index) {
  dir.write("config.json", R"({"model_type": "llama"})");
  dir.write("one.safetensors", scalars({"a", "b"}));
  dir.write("two.safetensors", scalars({"c", "d"}));
  dir.write(
      kIndex,
      R"({"metadata": {"total_size": 16}, "weight_map": )" + index + "}");
}

std::string open_error(const TempDir& dir) {
  return message_of<FileError>([&] { HfFolder folder(dir.path()); });
}

TEST(HfFolderTest, OpensASingleFile) {
  const TempDir dir;
  dir.write("config.json", R"({"model_type": "llama", "hidden_size": 8})");
  dir.write("model.safetensors", scalars({"a", "b"}));
  const HfFolder folder(dir.path());
  EXPECT_EQ(folder.config().at("hidden_size"), 8);
  EXPECT_EQ(folder.load("b", torch::kFloat32).item<float>(), 1);
  EXPECT_THAT(
      folder.files(),
      ElementsAre(
          dir.path() / "config.json", dir.path() / "model.safetensors"));
}

TEST(HfFolderTest, OpensShards) {
  const TempDir dir;
  write_shards(
      dir,
      R"({"a": "one.safetensors", "b": "one.safetensors", "c": "two.safetensors", "d": "two.safetensors"})");
  const HfFolder folder(dir.path());
  EXPECT_EQ(folder.tensors().size(), 4U);
  EXPECT_EQ(folder.load("b", torch::kFloat32).item<float>(), 1);
  EXPECT_EQ(folder.load("c", torch::kFloat32).item<float>(), 0);
  EXPECT_EQ(folder.files().size(), 4U);
  EXPECT_THAT(
      message_of<UnknownNameError>([&] { folder.load("e", torch::kFloat32); }),
      HasSubstr("no tensor named 'e'"));
}

TEST(HfFolderTest, ListsTensorsThatTheIndexLeavesOut) {
  const TempDir dir;
  write_shards(dir, R"({"a": "one.safetensors", "c": "two.safetensors"})");
  EXPECT_EQ(HfFolder(dir.path()).tensors().count("d"), 1U);
}

TEST(HfFolderTest, PrefersTheSingleFileAsTransformersDoes) {
  const TempDir dir;
  write_shards(dir, R"({"a": "one.safetensors"})");
  dir.write("model.safetensors", scalars({"x"}));
  EXPECT_EQ(HfFolder(dir.path()).tensors().count("x"), 1U);
}

TEST(HfFolderTest, NamesTheShardThatIsAbsent) {
  const TempDir dir;
  write_shards(dir, R"({"a": "one.safetensors", "c": "three.safetensors"})");
  EXPECT_THAT(
      open_error(dir), HasSubstr("three.safetensors] cannot open the file"));
}

TEST(HfFolderTest, NamesTheTensorThatIsNotInItsShard) {
  const TempDir dir;
  write_shards(
      dir,
      R"({"a": "one.safetensors", "c": "one.safetensors", "d": "two.safetensors"})");
  EXPECT_THAT(
      open_error(dir),
      HasSubstr(
          "weight_map says that 'c' is in 'one.safetensors', but it is not"));
  write_shards(dir, R"({"a": "one.safetensors", "e": "two.safetensors"})");
  EXPECT_THAT(
      open_error(dir),
      HasSubstr(
          "weight_map says that 'e' is in 'two.safetensors', but it is not"));
}

TEST(HfFolderTest, RefusesATensorInTwoShards) {
  const TempDir dir;
  write_shards(dir, R"({"a": "one.safetensors", "c": "two.safetensors"})");
  dir.write("two.safetensors", scalars({"c", "a"}));
  EXPECT_THAT(
      open_error(dir),
      HasSubstr("two.safetensors] tensor 'a' is also in 'one.safetensors'"));
}

TEST(HfFolderTest, RefusesShardsOutsideTheFolder) {
  const TempDir dir;
  for (const std::string shard :
       {"../one.safetensors",
        "/etc/passwd",
        "sub/one.safetensors",
        "..",
        "",
        "a\\\\b"}) {
    write_shards(dir, R"({"a": ")" + shard + "\"}");
    EXPECT_THAT(
        open_error(dir),
        HasSubstr("weight_map 'a': expected the name of a file in this folder"))
        << shard;
  }
  write_shards(dir, R"({"a": 3})");
  EXPECT_THAT(open_error(dir), HasSubstr("got number"));
}

TEST(HfFolderTest, RefusesAnIndexWithoutWeightMap) {
  const TempDir dir;
  write_shards(dir, "{}");
  EXPECT_THAT(open_error(dir), HasSubstr("has no weight_map"));
  dir.write(kIndex, "{}");
  EXPECT_THAT(open_error(dir), HasSubstr("has no weight_map"));
  dir.write(kIndex, "[]");
  EXPECT_THAT(open_error(dir), HasSubstr("must be a JSON object, got array"));
}

TEST(HfFolderTest, RefusesPickledWeightsWithAdvice) {
  const TempDir dir;
  dir.write("config.json", "{}");
  dir.write("pytorch_model-00001-of-00002.bin", "x");
  EXPECT_THAT(
      open_error(dir),
      HasSubstr(
          "its weights are pickled ('pytorch_model-00001-of-00002.bin')"));
  EXPECT_THAT(open_error(dir), HasSubstr("run `libma convert`"));
}

TEST(HfFolderTest, SaysWhatAFolderWithoutWeightsHolds) {
  const TempDir dir;
  dir.write("config.json", "{}");
  EXPECT_THAT(
      open_error(dir),
      HasSubstr(
          "holds neither model.safetensors nor model.safetensors.index.json"));
  dir.write("weights.safetensors", "x");
  EXPECT_THAT(open_error(dir), HasSubstr("it has 'weights.safetensors'"));
  dir.write("model.gguf", "x");
  EXPECT_THAT(
      open_error(dir),
      HasSubstr(
          "holds no model.safetensors but 'model.gguf'; give the path of that "
          "file"));
}

TEST(HfFolderTest, RefusesAFolderWithoutConfig) {
  const TempDir dir;
  dir.write("model.safetensors", scalars({"a"}));
  EXPECT_THAT(open_error(dir), HasSubstr("holds no config.json"));
  dir.write("config.json", R"({"a": 1, "a": 2})");
  EXPECT_THAT(open_error(dir), HasSubstr("config.json] key 'a' occurs twice"));
}

} // namespace
} // namespace ma
