// Summaries as JSON: one list of fields a struct serves both directions.
#include <array>
#include <type_traits>

#include <nlohmann/json.hpp>

#include "libma/analysis/comparison.h"
#include "libma/core/error.h"
#include "libma/core/json_number.h"

namespace ma {
namespace {

using nlohmann::json;

template <class Archive, class Summary>
void list_fields(Archive& archive, Summary& x, const ModelSummary& /*tag*/) {
  archive("label", x.label);
  archive("base", x.base);
  archive("architecture", x.architecture);
  archive("n_layers", x.n_layers);
  archive("d_model", x.d_model);
  archive("n_parameters", x.n_parameters);
  archive("dtype", x.dtype);
  archive("device", x.device);
  archive("has_bos", x.has_bos);
  archive("failure", x.failure);
  archive("profile", x.profile);
}

template <class Archive, class Profile>
void list_fields(Archive& archive, Profile& x, const MassiveProfile& /*tag*/) {
  archive("criterion", x.criterion);
  archive("n_sequences", x.n_sequences);
  archive("length_tokens", x.length);
  archive("meets_criterion", x.meets_criterion);
  archive("edit_block_0_based", x.edit_layer);
  archive("sites", x.sites);
  archive("blocks", x.layers);
}

template <class Archive, class Criterion>
void list_fields(
    Archive& archive, Criterion& x, const MassiveCriterion& /*tag*/) {
  archive("magnitude", x.magnitude);
  archive("ratio", x.ratio);
}

template <class Archive, class Site>
void list_fields(Archive& archive, Site& x, const MassiveSite& /*tag*/) {
  archive("dim", x.dim);
  archive("token_class", x.token_class);
  archive("first_block_0_based", x.first_layer);
  archive("last_block_0_based", x.last_layer);
  archive("peak_block_0_based", x.peak_layer);
  archive("mean", x.mean);
  archive("std", x.std);
  archive("min", x.min);
  archive("max", x.max);
  archive("max_over_median", x.max_over_median);
  archive("count", x.count);
  archive("sequence_share", x.sequence_share);
  archive("token_ids", x.token_ids);
  archive("tokens", x.tokens);
}

template <class Archive, class Layer>
void list_fields(Archive& archive, Layer& x, const LayerMagnitudes& /*tag*/) {
  archive("block_0_based", x.layer);
  archive("top", x.top);
  archive("top_std", x.top_std);
  archive("top_1_percent", x.top_1_percent);
  archive("top_10_percent", x.top_10_percent);
  archive("median", x.median);
  archive("median_std", x.median_std);
  archive("max_over_median", x.max_over_median);
  archive("massive_share", x.massive_share);
}

/// Whether JSON holds a T as it is.
template <class T>
constexpr bool kIsPlain =
    std::is_same_v<T, std::string> || std::is_same_v<T, bool> ||
    std::is_same_v<T, std::int64_t>;

template <class T>
json write(const T& value);
template <class T>
json write(const std::vector<T>& values);

class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = write(value);
  }
  json object_ = json::object();
};

template <class T>
json write(const std::vector<T>& values) {
  json list = json::array();
  for (const T& value : values) {
    list.push_back(write(value));
  }
  return list;
}

template <class T>
json write(const T& value) {
  if constexpr (kIsPlain<T>) {
    return value;
  } else if constexpr (std::is_same_v<T, double>) {
    return json_number(value);
  } else if constexpr (std::is_same_v<T, std::array<double, 5>>) {
    return write(std::vector<double>(value.begin(), value.end()));
  } else if constexpr (std::is_same_v<T, TokenClass>) {
    return std::string(token_class_name(value));
  } else {
    Writer writer;
    list_fields(writer, value, value);
    return writer.object_;
  }
}

template <class T>
void read(const json& from, T& value);
template <class T>
void read(const json& from, std::vector<T>& values);

class Reader {
 public:
  explicit Reader(const json& object) : object_(object) {}
  template <class T>
  void operator()(const char* name, T& value) {
    read(object_.at(name), value);
  }

 private:
  const json& object_;
};

TokenClass token_class_of(const std::string& name) {
  for (std::int64_t i = 0; i < kTokenClasses; ++i) {
    if (token_class_name(static_cast<TokenClass>(i)) == name) {
      return static_cast<TokenClass>(i);
    }
  }
  throw ConfigError("model summary", "'" + name + "' is no class of tokens");
}

template <class T>
void read(const json& from, std::vector<T>& values) {
  values.clear();
  for (const json& item : from) {
    read(item, values.emplace_back());
  }
}

template <class T>
void read(const json& from, T& value) {
  if constexpr (kIsPlain<T>) {
    from.get_to(value);
  } else if constexpr (std::is_same_v<T, double>) {
    value = number_from_json(from);
  } else if constexpr (std::is_same_v<T, std::array<double, 5>>) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      read(from.at(i), value[i]);
    }
  } else if constexpr (std::is_same_v<T, TokenClass>) {
    value = token_class_of(from.get<std::string>());
  } else {
    Reader reader(from);
    list_fields(reader, value, value);
  }
}

} // namespace

nlohmann::json to_json(const ModelSummary& summary) {
  return write(summary);
}

ModelSummary model_summary_from_json(const nlohmann::json& json) {
  try {
    ModelSummary summary;
    read(json, summary);
    return summary;
  } catch (const nlohmann::json::exception& error) {
    throw ConfigError("model summary", error.what());
  }
}

} // namespace ma
