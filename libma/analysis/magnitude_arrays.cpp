// From structs of running statistics to arrays of their means and standard
// deviations.
#include "libma/analysis/magnitude_arrays.h"

#include <vector>

namespace ma {
namespace {

using Arrays = std::map<std::string, torch::Tensor>;

/// Mean and standard deviation of what `get` takes of each stream.
template <class Get>
void put(
    Arrays& arrays,
    const std::string& name,
    const Magnitudes& magnitudes,
    const Get& get) {
  std::vector<double> means;
  std::vector<double> stds;
  for (const StreamStats& stream : magnitudes.streams) {
    const RunningStats& stats = get(stream);
    means.push_back(stats.mean);
    stds.push_back(stats.std());
  }
  arrays[name] = at::tensor(means, torch::kFloat64);
  arrays[name + "_std"] = at::tensor(stds, torch::kFloat64);
}

/// The same of five, [stream, 5].
template <class Get>
void put_five(
    Arrays& arrays,
    const std::string& name,
    const Magnitudes& magnitudes,
    const Get& get) {
  std::vector<torch::Tensor> means;
  std::vector<torch::Tensor> stds;
  for (std::size_t i = 0; i < magnitudes.streams.front().top.size(); ++i) {
    Arrays one;
    put(one, name, magnitudes, [&](const StreamStats& stream) {
      return get(stream)[i];
    });
    means.push_back(one[name]);
    stds.push_back(one[name + "_std"]);
  }
  arrays[name] = at::stack(means, /*dim=*/1);
  arrays[name + "_std"] = at::stack(stds, /*dim=*/1);
}

void put_shape(Arrays& arrays, const Magnitudes& magnitudes) {
  const auto put_field = [&](const std::string& name,
                             RunningStats ShapeStats::* field) {
    put(arrays, name, magnitudes, [field](const StreamStats& stream) {
      return stream.shape.*field;
    });
  };
  put_field("kurtosis", &ShapeStats::kurtosis);
  put_field("neuron_rms_kurtosis", &ShapeStats::neuron_rms_kurtosis);
  put_field("token_max_over_median", &ShapeStats::token_max_over_median);
  put_field("int8_error", &ShapeStats::int8_error);
  put_field("int8_error_of_rest", &ShapeStats::int8_error_of_rest);
  put_field("int8_error_apart", &ShapeStats::int8_error_apart);
}

} // namespace

std::map<std::string, torch::Tensor> magnitude_arrays(
    const Magnitudes& magnitudes) {
  Arrays arrays;
  const auto put_one = [&](const std::string& name,
                           RunningStats StreamStats::* field) {
    put(arrays, name, magnitudes, [field](const StreamStats& stream) {
      return stream.*field;
    });
  };
  put_one("median", &StreamStats::median);
  put_one("top_1_percent", &StreamStats::top_1_percent);
  put_one("top_10_percent", &StreamStats::top_10_percent);
  put_one("top_1_over_2", &StreamStats::top_1_over_2);
  put_five(arrays, "top", magnitudes, [](const StreamStats& stream) {
    return stream.top;
  });
  put_five(
      arrays, "top_over_median", magnitudes, [](const StreamStats& stream) {
        return stream.top_over_median;
      });
  if (magnitudes.options.detail) {
    put_shape(arrays, magnitudes);
  }
  std::vector<double> massive;
  std::vector<std::int64_t> overflows;
  for (const StreamStats& stream : magnitudes.streams) {
    massive.push_back(
        static_cast<double>(stream.massive_sequences) /
        static_cast<double>(stream.median.count));
    overflows.push_back(stream.float16_overflows);
  }
  arrays["massive_share"] = at::tensor(massive, torch::kFloat64);
  arrays["float16_overflows"] = at::tensor(overflows, torch::kInt64);
  const ClassValues& values = magnitudes.class_values;
  arrays["class_means"] = values.means;
  arrays["class_stds"] = values.stds;
  arrays["class_magnitudes"] = values.magnitudes;
  arrays["class_counts"] = at::tensor(values.counts, torch::kInt64);
  arrays["outlier_positions"] = magnitudes.outlier_counts.positions;
  arrays["outlier_sequences"] = magnitudes.outlier_counts.sequences;
  return arrays;
}

} // namespace ma
