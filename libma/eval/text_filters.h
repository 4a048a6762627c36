// The filters of task prompts: `{ctx_b|capitalize}`.
#pragma once

#include <string>

namespace ma {

/// What a filter makes of `text` (UTF-8). Throws ConfigError, located at
/// `where`, on text that it cannot work on.
using TextFilter =
    std::string (*)(const std::string& text, const std::string& where);

/// The filter called `name`. Throws UnknownNameError located at `where`.
///
/// Python's `strip`, `lstrip`, `capitalize`; `lower_first`; `drop_last` (all
/// but the last character); `spaces` (underscores become spaces);
/// `all_but_last_word` and `last_word` (words are what single spaces separate);
/// `before_blank` and `after_blank` (of the first `_`); `hellaswag`
/// (lm-evaluation-harness's clean-up of WikiHow's artefacts).
TextFilter find_text_filter(const std::string& name, const std::string& where);

} // namespace ma
