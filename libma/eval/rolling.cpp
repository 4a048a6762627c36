// One set of windows for all texts, and which text each belongs to.
#include "libma/eval/rolling.h"

#include <utility>

#include "libma/eval/window_scores.h"
#include "libma/eval/windows.h"

namespace ma {
namespace {

/// The windows of all texts that have tokens.
struct TextWindows {
  WindowSet set;
  std::vector<std::size_t> text; ///< that each window is of
  std::vector<std::int64_t> n;   ///< windows of each text
};

TextWindows cut_texts(
    const Model& model,
    const std::vector<std::string>& texts,
    BosProfile profile,
    std::int64_t max_length) {
  const WindowOptions options{
      .protocol = "lm-eval-rolling",
      .bos = profile,
      .window = window_limit(model, max_length)};
  TextWindows all;
  all.n.assign(texts.size(), 0);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty() && !adds_bos(profile, model.tokenizer(), texts[i])) {
      continue;
    }
    auto set = make_windows({Document{texts[i]}}, model.tokenizer(), options);
    all.n[i] = static_cast<std::int64_t>(set.windows.size());
    all.text.insert(all.text.end(), set.windows.size(), i);
    std::move(
        set.windows.begin(),
        set.windows.end(),
        std::back_inserter(all.set.windows));
  }
  return all;
}

} // namespace

std::vector<double> rolling_log_likelihoods(
    const Model& model,
    const std::vector<std::string>& texts,
    const std::vector<Intervention>& edits,
    BosProfile profile,
    const RollingOptions& options) {
  TextWindows windows = cut_texts(model, texts, profile, options.max_length);
  std::vector<double> sums(texts.size(), 0.0);
  const auto add = [&](std::size_t text, double nll_nats) {
    sums[text] -= nll_nats;
    if (--windows.n[text] == 0 && options.on_text) {
      options.on_text(text, sums[text]);
    }
  };
  ProgressCounter progress(
      options.progress,
      {.stage = "rolling",
       .total = static_cast<std::int64_t>(windows.text.size()),
       .unit = "windows"});
  ConditionRunner runner(model, {{"scored", edits}});
  score_windows(
      runner,
      windows.set,
      {.tokens_per_pass = options.tokens_per_pass,
       .on_window = [&](std::size_t, const WindowScore& score) {
         add(windows.text[static_cast<std::size_t>(score.window)],
             score.nll_sum_nats);
         progress.add(1);
       }});
  if (!windows.text.empty()) {
    require_effect(runner.conditions().front(), runner.edited().front());
  }
  return sums;
}

} // namespace ma
