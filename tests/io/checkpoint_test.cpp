#include "libma/io/checkpoint.h"

#include "io_test_support.h"
#include <nlohmann/json.hpp>

namespace ma {
namespace {

using testing::bytes_of;
using ::testing::ElementsAre;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::message_of;
using testing::safetensors_bytes;
using testing::TempDir;

std::string open_error(const std::filesystem::path& path) {
  return message_of<FileError>([&] { open_checkpoint(path); });
}

TEST(OpenCheckpointTest, OpensAFolder) {
  const TempDir dir;
  dir.write("config.json", R"({"model_type": "gpt2"})");
  dir.write("model.safetensors", safetensors_bytes("{}", ""));
  const auto checkpoint = open_checkpoint(dir.path());
  EXPECT_EQ(checkpoint->format(), CheckpointFormat::kHuggingFace);
  EXPECT_EQ(checkpoint->config().at("model_type"), "gpt2");
  EXPECT_EQ(checkpoint->path(), dir.path());
}

TEST(OpenCheckpointTest, OpensAGgufFileWhateverItsName) {
  const TempDir dir;
  GgufBuilder builder;
  builder.pair("general.architecture", 8, GgufBuilder::text("llama"))
      .tensor("a", {1}, 0, bytes_of(3.0F));
  for (const std::string name : {"model.gguf", "blob"}) {
    const auto path = dir.write(name, builder.bytes());
    const auto checkpoint = open_checkpoint(path);
    EXPECT_EQ(checkpoint->format(), CheckpointFormat::kGguf);
    EXPECT_EQ(checkpoint->config().at("general.architecture"), "llama");
    EXPECT_EQ(checkpoint->load("a", torch::kFloat32).item<float>(), 3);
    EXPECT_THAT(checkpoint->files(), ElementsAre(path));
  }
}

TEST(OpenCheckpointTest, RefusesOnePartOfASplitModel) {
  const TempDir dir;
  GgufBuilder builder;
  builder.pair("split.count", 2, bytes_of<std::uint16_t>(3));
  EXPECT_THAT(
      open_error(dir.write("a.gguf", builder.bytes())),
      HasSubstr("is one of 3 parts of a model; join them"));
  GgufBuilder whole;
  whole.pair("split.count", 2, bytes_of<std::uint16_t>(1));
  EXPECT_NO_THROW(open_checkpoint(dir.write("b.gguf", whole.bytes())));
}

TEST(OpenCheckpointTest, AdvisesOnOtherPaths) {
  const TempDir dir;
  EXPECT_THAT(open_error(dir.path() / "none"), HasSubstr("does not exist"));
  EXPECT_THAT(
      open_error(dir.write("pytorch_model.bin", "x")),
      HasSubstr("run `libma convert`"));
  EXPECT_THAT(
      open_error(dir.write("model.safetensors", "x")),
      HasSubstr("give the folder"));
  EXPECT_THAT(
      open_error(dir.write("notes.txt", "x")),
      HasSubstr("is not a checkpoint"));
  EXPECT_THAT(
      open_error(dir.write("bad.gguf", "x")), HasSubstr("is not a GGUF file"));
}

} // namespace
} // namespace ma
