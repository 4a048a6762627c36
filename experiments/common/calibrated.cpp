// Loading, finding, checking.
#include "experiments/common/calibrated.h"

#include <optional>
#include <utility>

#include "experiments/common/problems.h"

#include "libma/eval/corpus.h"
#include "libma/eval/find_massive.h"
#include "libma/nn/linear.h"

namespace ma::experiments {

Calibrated load_calibrated(
    const ModelSettings& model, const FindSettings& find, const Run& run) {
  Model loaded = load_model(
      model.name,
      {.device = model.device,
       .dtype = parse_dtype(model.dtype, "model.dtype"),
       .home = run.home()});
  const Corpus corpus = load_corpus(find.text, run.home());
  auto sequences = cut_sequences(loaded.tokenizer(), corpus.texts, find.cut);
  auto files = hash_files(loaded.files());
  return {
      .model = std::move(loaded),
      .sequences = std::move(sequences),
      .files = std::move(files),
      .texts = hash_files({corpus.path})};
}

nlohmann::json journal_inputs(const Calibrated& calibrated) {
  return {
      {"model", calibrated.files},
      {"texts", calibrated.texts},
      {"products", nn::product_library()},
      {"device", calibrated.model.devices()}};
}

Findings findings_of(const Calibrated& calibrated) {
  return {
      .device = calibrated.model.devices(),
      .dtype = dtype_name(calibrated.model.dtype()),
      .model_files = calibrated.files,
      .text_files = calibrated.texts};
}

MassiveProfile find_massive_in(
    const Calibrated& calibrated, const FindSettings& find, const Run& run) {
  auto profile = find_massive(
      calibrated.model,
      calibrated.sequences,
      {.magnitude = find.criterion.magnitude,
       .ratio = find.criterion.ratio,
       .progress = run.progress()});
  log_found(profile);
  return profile;
}

nlohmann::json describe(const MassiveTokens& tokens) {
  return {
      {"select", describe(tokens.select)},
      {"after_block_0_based", tokens.block}};
}

void check_calibrated(
    const ModelSettings& model,
    const FindSettings& find,
    const std::filesystem::path& home,
    const FitsModel& fits) {
  Checks checks;
  std::optional<CheckedModel> checked;
  std::optional<Corpus> corpus;
  checks.attempt([&] { checked = check_model(model, home); });
  if (checked && fits) {
    checks.attempt([&] { fits(checked->config); });
  }
  checks.attempt([&] { corpus = load_corpus(find.text, home); });
  if (checked && corpus) {
    checks.attempt(
        [&] { cut_sequences(*checked->tokenizer, corpus->texts, find.cut); });
  }
  checks.finish();
}

} // namespace ma::experiments
