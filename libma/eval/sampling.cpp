// Temperature, top-k (Fan et al. 2018) and nucleus sampling (Holtzman et al.
// 2020), in the order in which Hugging Face applies them.
#include "libma/eval/sampling.h"

#include <algorithm>
#include <cmath>

#include "libma/core/error.h"

namespace ma {

void check_sampling(const SamplingOptions& options) {
  if (!(options.temperature >= 0) || std::isinf(options.temperature)) {
    throw ConfigError(
        "temperature",
        c10::str(
            "expected a finite number of at least 0, got ",
            options.temperature));
  }
  if (options.top_k < 0) {
    throw ConfigError(
        "top_k",
        c10::str("expected at least 1, or 0 for all, got ", options.top_k));
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) {
    throw ConfigError(
        "top_p",
        c10::str(
            "expected a number above 0 and at most 1, got ", options.top_p));
  }
}

std::int64_t draw_token(
    const torch::Tensor& logits,
    const SamplingOptions& options,
    RandomStream& random) {
  auto scores =
      logits.to(torch::kCPU, torch::kFloat64) / options.temperature; // [vocab]
  torch::Tensor order; // ids, the most likely first
  if (options.top_k > 0 || options.top_p < 1) {
    std::tie(scores, order) =
        at::sort(scores, /*stable=*/true, /*dim=*/0, /*descending=*/true);
    const auto kept = options.top_k > 0
                          ? std::min(options.top_k, scores.size(0))
                          : scores.size(0);
    scores = scores.narrow(/*dim=*/0, 0, kept);
  }
  const auto sums =
      at::softmax(scores, /*dim=*/0).cumsum(/*dim=*/0).contiguous();
  const auto* first = sums.const_data_ptr<double>();
  const auto* last = first + sums.numel();
  if (options.top_p < 1) { // the first token that completes the nucleus stays
    const auto* end = std::lower_bound(first, last, options.top_p);
    last = end == last ? last : end + 1;
  }
  const double wanted = random.uniform() * *(last - 1);
  const auto place = std::min(std::upper_bound(first, last, wanted), last - 1);
  const auto index = static_cast<std::int64_t>(place - first);
  return order.defined() ? order[index].item<std::int64_t>() : index;
}

} // namespace ma
