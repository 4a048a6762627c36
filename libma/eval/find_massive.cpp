// An accumulator on every block's output.
#include "libma/eval/find_massive.h"

#include <algorithm>

#include "libma/analysis/massive_accumulator.h"
#include "libma/eval/sequence_pass.h"

namespace ma {

MassiveProfile find_massive(
    const Model& model,
    const torch::Tensor& sequences,
    const FindOptions& options) {
  const auto n_layers = model.config().n_layers;
  const auto table =
      options.classify_tokens ? token_class_table(model) : torch::Tensor();
  MassiveAccumulator accumulator(
      n_layers, {options.magnitude, options.ratio}, table);
  const auto handle = model.add_hook(
      "blocks.*.resid_post", [&](const torch::Tensor& x, const HookSite& at) {
        accumulator.observe(at.layer, x, *at.batch);
        return x;
      });
  pass_sequences(
      model,
      sequences,
      {.tokens_per_pass = options.tokens_per_pass,
       .stage = "find massive activations",
       .progress = options.progress});
  auto profile = accumulator.finish();
  if (options.classify_tokens) {
    add_token_texts(profile, model.tokenizer());
  }
  return profile;
}

torch::Tensor token_class_table(const Tokenizer& tokenizer) {
  auto table = at::empty({tokenizer.vocab_size()}, torch::kInt8);
  for (std::int64_t id = 0; id < tokenizer.vocab_size(); ++id) {
    const auto text = tokenizer.decode(std::vector<std::int64_t>{id});
    table.mutable_data_ptr<std::int8_t>()[id] =
        static_cast<std::int8_t>(classify_text(text));
  }
  return table;
}

torch::Tensor token_class_table(const Model& model) {
  const auto table = token_class_table(model.tokenizer());
  const auto missing =
      std::max<std::int64_t>(0, model.config().vocab - table.numel());
  return at::constant_pad_nd(
      table, {0, missing}, static_cast<int>(TokenClass::kWord));
}

void add_token_texts(MassiveProfile& profile, const Tokenizer& tokenizer) {
  for (MassiveSite& site : profile.sites) {
    for (const std::int64_t id : site.token_ids) {
      site.tokens.push_back(
          id < tokenizer.vocab_size()
              ? tokenizer.decode(std::vector<std::int64_t>{id})
              : "");
    }
  }
}

} // namespace ma
