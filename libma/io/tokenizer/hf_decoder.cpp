// The decoder of a tokenizer.json.
#include <utility>

#include "libma/io/tokenizer/hf_json.h"
#include "libma/io/tokenizer/hf_stages.h"

namespace ma::tok {
namespace {

using Json = nlohmann::json;

DecoderPtr read_sequence(const Json& json, std::string_view where) {
  std::vector<DecoderPtr> stages;
  for (const Json& stage : json.at("decoders")) {
    stages.push_back(read_decoder(stage, where));
  }
  return make_decoder_sequence(std::move(stages));
}

} // namespace

DecoderPtr read_decoder(const Json& json, std::string_view where) {
  if (json.is_null()) {
    return make_spaced_decoder();
  }
  const std::string kind = kind_of(json);
  if (kind == "Sequence") {
    return read_sequence(json, where);
  }
  if (kind == "ByteLevel") {
    return make_byte_level_decoder();
  }
  if (kind == "Metaspace") {
    return make_metaspace_decoder(read_metaspace(json, where));
  }
  if (kind == "Replace") {
    return make_replace_decoder(
        read_pattern(json.at("pattern"), where),
        json.at("content").get<std::string>());
  }
  if (kind == "ByteFallback") {
    return make_byte_fallback_decoder();
  }
  if (kind == "Fuse") {
    return make_fuse_decoder();
  }
  if (kind == "Strip") {
    return make_strip_decoder(
        {json.at("content").get<std::string>(),
         json.at("start").get<std::size_t>(),
         json.at("stop").get<std::size_t>()});
  }
  refuse_kind(
      where,
      "decoder",
      kind,
      "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip, Sequence");
}

} // namespace ma::tok
