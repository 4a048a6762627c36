// Recipes from the files that transformers and timm write beside a checkpoint.
#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "libma/core/error.h"
#include "libma/core/files.h"
#include "libma/core/names.h"
#include "libma/io/image/json_settings.h"
#include "libma/io/image/recipe.h"
#include "libma/io/strict_json.h"
#include "libma/io/utf8.h"

namespace ma {
namespace {

using nlohmann::json;

constexpr std::array<double, 3> kHalves = {0.5, 0.5, 0.5};
constexpr std::array<double, 3> kClipMean = {0.48145466, 0.4578275, 0.40821073};
constexpr std::array<double, 3> kClipStd = {0.26862954, 0.26130258, 0.27577711};

/// What a class of transformers does where its file is silent.
struct Processor {
  std::string_view type;
  ResizeKind number; ///< what a `size` that is a number means
  ImageRecipe defaults;
};

const std::vector<Processor>& processors() {
  static const std::vector<Processor> all = [] {
    ImageRecipe plain;
    plain.resize = ResizeKind::kExact;
    plain.size = {224, 224};
    plain.crop_rule = CropRule::kTransformers;
    plain.mean = kHalves;
    plain.std = kHalves;
    ImageRecipe bilinear = plain;
    bilinear.resample = Resample::kBilinear;
    ImageRecipe cropped = plain;
    cropped.size = {256, 256};
    cropped.crop = ImageSize{224, 224};
    ImageRecipe edge = plain;
    edge.resize = ResizeKind::kShortestEdge;
    edge.crop = ImageSize{224, 224};
    edge.mean = kClipMean;
    edge.std = kClipStd;
    return std::vector<Processor>{
        {"ViTImageProcessor", ResizeKind::kExact, bilinear},
        {"DeiTImageProcessor", ResizeKind::kExact, cropped},
        {"CLIPImageProcessor", ResizeKind::kShortestEdge, edge},
        {"BitImageProcessor", ResizeKind::kShortestEdge, edge},
        {"SiglipImageProcessor", ResizeKind::kShortestEdge, plain},
    };
  }();
  return all;
}

void check_std(
    const JsonSettings& from, std::string_view key, ImageRecipe& recipe) {
  for (const double std : recipe.std) {
    if (!(std > 0)) {
      from.fail_value(key, "numbers above 0");
    }
  }
}

/// Pillow's numbers of its filters.
Resample resample_of(const JsonSettings& from, Resample fallback) {
  const json* const value = from.find("resample");
  if (value == nullptr) {
    return fallback;
  }
  static constexpr std::array<std::pair<int, Resample>, 5> kFilters{{
      {1, Resample::kLanczos},
      {2, Resample::kBilinear},
      {3, Resample::kBicubic},
      {4, Resample::kBox},
      {5, Resample::kHamming},
  }};
  for (const auto& [number, filter] : kFilters) {
    if (value->is_number_integer() && *value == number) {
      return filter;
    }
  }
  from.fail_value(
      "resample",
      "1 (lanczos), 2 (bilinear), 3 (bicubic), 4 (box) or 5 (hamming)");
}

void read_size(
    const JsonSettings& from, ResizeKind number, ImageRecipe& recipe) {
  const json* const value = from.find("size");
  if (value == nullptr) {
    return;
  }
  if (!value->is_object()) {
    const std::int64_t edge = from.pixels("size", *value);
    recipe.resize = number;
    recipe.size = {edge, edge};
  } else if (value->size() == 1 && value->contains("shortest_edge")) {
    const std::int64_t edge = from.pixels("size", value->at("shortest_edge"));
    recipe.resize = ResizeKind::kShortestEdge;
    recipe.size = {edge, edge};
  } else if (
      value->size() == 2 && value->contains("height") &&
      value->contains("width")) {
    recipe.resize = ResizeKind::kExact;
    recipe.size = {
        from.pixels("size", value->at("height")),
        from.pixels("size", value->at("width"))};
  } else {
    from.fail_value("size", "shortest_edge, or height and width");
  }
}

ImageSize crop_size_of(const JsonSettings& from, ImageSize fallback) {
  const json* const value = from.find("crop_size");
  if (value == nullptr) {
    return fallback;
  }
  if (!value->is_object()) {
    const std::int64_t edge = from.pixels("crop_size", *value);
    return {edge, edge};
  }
  if (value->size() != 2 || !value->contains("height") ||
      !value->contains("width")) {
    from.fail_value("crop_size", "height and width");
  }
  return {
      from.pixels("crop_size", value->at("height")),
      from.pixels("crop_size", value->at("width"))};
}

const Processor& processor_of(const JsonSettings& from) {
  std::string type = from.text(
      "image_processor_type", from.text("feature_extractor_type", ""));
  const std::string given = type;
  for (const std::string_view end : {"Fast", "Pil"}) {
    if (type.ends_with(end)) {
      type.resize(type.size() - end.size());
    }
  }
  constexpr std::string_view kOldEnd = "FeatureExtractor";
  if (type.ends_with(kOldEnd)) {
    type.replace(
        type.size() - kOldEnd.size(), kOldEnd.size(), "ImageProcessor");
  }
  std::vector<std::string> known;
  for (const Processor& processor : processors()) {
    if (processor.type == type) {
      return processor;
    }
    known.emplace_back(processor.type);
  }
  from.fail(
      "image_processor_type",
      (given.empty() ? "is missing" : in_quotes(given) + " is not supported") +
          "; supported are " + join(known));
}

/// Refuses steps and settings that are not carried out.
void check_keys(const JsonSettings& from) {
  static const std::vector<std::string_view> known = {
      "_valid_processor_keys",
      "auto_map",
      "crop_size",
      "data_format",
      "device",
      "disable_grouping",
      "do_center_crop",
      "do_convert_rgb",
      "do_normalize",
      "do_rescale",
      "do_resize",
      "feature_extractor_type",
      "image_mean",
      "image_processor_type",
      "image_std",
      "input_data_format",
      "processor_class",
      "resample",
      "rescale_factor",
      "return_tensors",
      "size",
  };
  for (const auto& [key, value] : from.object().items()) {
    const bool is_known =
        std::find(known.begin(), known.end(), key) != known.end();
    if (!is_known && !value.is_null() && value != json(false)) {
      from.fail(in_quotes(key), "is not supported, it is " + value.dump());
    }
  }
}

ImageRecipe from_processor(const JsonSettings& from) {
  check_keys(from);
  const Processor& processor = processor_of(from);
  ImageRecipe recipe = processor.defaults;
  recipe.name = from.where();
  if (from.flag("do_resize", true)) {
    read_size(from, processor.number, recipe);
    recipe.resample = resample_of(from, recipe.resample);
  } else {
    recipe.resize = ResizeKind::kNone;
  }
  if (from.flag("do_center_crop", recipe.crop.has_value())) {
    recipe.crop = crop_size_of(from, recipe.crop.value_or(ImageSize{224, 224}));
  } else {
    recipe.crop = std::nullopt;
  }
  recipe.rescale_factor =
      from.flag("do_rescale", true)
          ? from.number("rescale_factor", recipe.rescale_factor)
          : 1.0;
  if (from.flag("do_normalize", true)) {
    recipe.mean = from.colors("image_mean", recipe.mean);
    recipe.std = from.colors("image_std", recipe.std);
    check_std(from, "image_std", recipe);
  } else {
    recipe.mean = {};
    recipe.std = {1.0, 1.0, 1.0};
  }
  return recipe;
}

ImageRecipe from_timm(const JsonSettings& from) {
  const json& input = from.need("input_size");
  if (!input.is_array() || input.size() != 3 || input[0] != 3 ||
      input[1] != input[2]) {
    from.fail_value("input_size", "[3, n, n]");
  }
  const std::int64_t edge = from.pixels("input_size", input[1]);
  from.need("crop_pct");
  const double crop_pct = from.number("crop_pct", 1.0);
  if (!(crop_pct > 0 && crop_pct <= 1)) {
    from.fail_value("crop_pct", "a number above 0 and at most 1");
  }
  const std::string mode = from.text("crop_mode", "center");
  if (mode != "center") {
    from.fail_value("crop_mode", "'center'");
  }
  const std::string filter = from.text("interpolation", "bicubic");
  if (filter != "bicubic" && filter != "bilinear" && filter != "lanczos") {
    from.fail_value("interpolation", "bicubic, bilinear or lanczos");
  }
  const auto resized = static_cast<std::int64_t>(
      std::floor(static_cast<double>(edge) / crop_pct));
  from.need("mean");
  from.need("std");
  ImageRecipe recipe;
  recipe.name = from.where();
  recipe.resize = ResizeKind::kShortestEdge;
  recipe.size = {resized, resized};
  recipe.resample = resample_named(filter, from.where());
  recipe.crop = ImageSize{edge, edge};
  recipe.mean = from.colors("mean", {});
  recipe.std = from.colors("std", {});
  check_std(from, "std", recipe);
  return recipe;
}

/// The object of a JSON file; nothing where there is no such file.
std::optional<json> read_object(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) {
    return std::nullopt;
  }
  json object = parse_json(read_file(path), path.string());
  if (!object.is_object()) {
    throw FileError(
        path.string(),
        std::string("must be a JSON object, got ") + object.type_name());
  }
  return object;
}

} // namespace

ImageRecipe image_recipe_of_folder(const std::filesystem::path& folder) {
  const auto own = folder / "preprocessor_config.json";
  if (auto object = read_object(own)) {
    return from_processor({std::move(*object), own.string()});
  }
  const auto shared = folder / "processor_config.json";
  if (auto object = read_object(shared);
      object && object->contains("image_processor")) {
    return from_processor({object->at("image_processor"), shared.string()});
  }
  const auto config = folder / "config.json";
  if (auto object = read_object(config);
      object && object->contains("pretrained_cfg")) {
    return from_timm({object->at("pretrained_cfg"), config.string()});
  }
  throw FileError(
      folder.string(),
      "says nothing of images: it has neither preprocessor_config.json nor a "
      "config.json with pretrained_cfg; give the name of a recipe: " +
          join(image_recipe_names()));
}

} // namespace ma
