// Measuring one model after another.
#include "libma/eval/compare_models.h"

#include "libma/eval/find_massive.h"

namespace ma {

ModelSummary summary_of(
    const Model& model, const std::string& label, bool has_bos) {
  const DecoderConfig& config = model.config();
  return {
      .label = label,
      .architecture = config.architecture,
      .n_layers = config.n_layers,
      .d_model = config.d_model,
      .n_parameters = model.n_parameters(),
      .dtype = dtype_name(model.dtype()),
      .device = model.devices(),
      .has_bos = has_bos};
}

ModelSummary measure_model(
    const ModelRequest& request,
    const std::vector<std::string>& texts,
    const CompareOptions& options) {
  const Model model = load_model(
      request.name,
      {.device = request.device, .dtype = request.dtype, .home = options.home});
  const auto sequences = cut_sequences(model.tokenizer(), texts, request.cut);
  auto summary = summary_of(model, request.label, request.cut.add_bos);
  summary.base = request.base;
  summary.profile = find_massive(
      model,
      sequences,
      {.magnitude = options.criterion.magnitude,
       .ratio = options.criterion.ratio,
       .progress = options.progress});
  return summary;
}

} // namespace ma
