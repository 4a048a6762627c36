// Hooks that live while sequences pass.
#include "libma/eval/measure_attention.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "libma/core/check_index.h"
#include "libma/core/error.h"
#include "libma/eval/find_massive.h"
#include "libma/eval/sequence_pass.h"
#include "libma/hooks/hook_names.h"
#include "libma/interventions/random_draw.h"
#include "libma/interventions/token_marks.h"

namespace ma {
namespace {

constexpr const char* kWhere = "attention";

/// What stands at the keys of one batch, once the block is through after which
/// tokens are massive.
class Marker {
 public:
  Marker(const MassiveTokens& tokens, torch::Tensor classes)
      : tokens_(tokens), classes_(std::move(classes)) {}

  void look(const torch::Tensor& x, const HookSite& at) {
    marks_.massive =
        selected_tokens(tokens_.select, x, at).to(torch::kCPU).contiguous();
    if (classes_.defined()) {
      const TokenBatch on_cpu(at.batch->ids.to(torch::kCPU).contiguous());
      marks_.classes = classify_tokens(on_cpu, classes_);
    }
  }

  const KeyMarks& marks() const { return marks_; }

 private:
  const MassiveTokens& tokens_;
  torch::Tensor classes_; // int8 [vocab], or undefined
  KeyMarks marks_;
};

/// The only row of `ids`.
TokenBatch one_sequence(const torch::Tensor& ids) {
  TokenBatch batch(ids);
  if (!batch.ids.defined() || batch.ids.numel() == 0 ||
      batch.ids.size(0) != 1) {
    throw ShapeError(kWhere, "expected one sequence, int64 [pos] of 1 or more");
  }
  return batch;
}

} // namespace

AttentionSinks measure_attention_sinks(
    const Model& model,
    const torch::Tensor& sequences,
    const MassiveTokens& tokens,
    const MeasureSinksOptions& options) {
  const auto n_layers = model.config().n_layers;
  check_index(kWhere, "block", tokens.block, n_layers);
  AttentionSinkOptions sinks = options.sinks;
  sinks.is_causal = model.config().is_causal;
  AttentionSinkAccumulator accumulator(
      listed_or_all(kWhere, options.layers, n_layers), std::move(sinks));
  Marker marker(
      tokens,
      options.classify_tokens ? token_class_table(model) : torch::Tensor());
  std::vector<HookHandle> handles;
  const auto add = [&](const std::string& site, auto look) {
    handles.push_back(model.add_hook(
        site, [look](const torch::Tensor& x, const HookSite& at) {
          look(x, at);
          return x;
        }));
  };
  for (const std::int64_t layer : accumulator.layers()) {
    add(block_site(layer, "attn.pattern"),
        [&](const torch::Tensor& x, const HookSite& at) {
          accumulator.observe(at.layer, x);
        });
    if (options.scores) {
      add(block_site(layer, "attn.attn_scores"),
          [&](const torch::Tensor& x, const HookSite& at) {
            accumulator.observe_scores(at.layer, x);
          });
    }
  }
  add(block_site(tokens.block, "resid_post"),
      [&](const torch::Tensor& x, const HookSite& at) { marker.look(x, at); });
  // The last block that runs ends the batch; nothing fires after its stream.
  const auto last = std::max(accumulator.layers().back(), tokens.block);
  add(block_site(last, "resid_post"),
      [&](const torch::Tensor&, const HookSite&) {
        accumulator.finish_batch(marker.marks());
      });
  pass_sequences(
      model,
      sequences,
      {.tokens_per_pass = options.tokens_per_pass,
       .stage = "measure attention",
       .progress = options.progress,
       .n_blocks = last + 1});
  return accumulator.finish();
}

std::vector<std::int64_t> blocks_around(
    const MassiveTokens& tokens, std::int64_t n_layers) {
  std::vector<std::int64_t> layers = {
      tokens.block, std::min(tokens.block + 1, n_layers - 1), n_layers - 1};
  layers.erase(std::unique(layers.begin(), layers.end()), layers.end());
  return layers;
}

AttentionMaps attention_maps(
    const Model& model,
    const torch::Tensor& ids,
    const MassiveTokens& tokens,
    std::vector<std::int64_t> layers) {
  const auto n_layers = model.config().n_layers;
  check_index(kWhere, "block", tokens.block, n_layers);
  layers = layers.empty() ? blocks_around(tokens, n_layers)
                          : listed_or_all(kWhere, std::move(layers), n_layers);
  const TokenBatch batch = one_sequence(ids);
  HookSite stream = make_site(block_site(tokens.block, "resid_post"));
  stream.batch = &batch;
  std::vector<std::string> names = {stream.name};
  for (const std::int64_t layer : layers) {
    names.push_back(block_site(layer, "attn.attn_scores"));
    names.push_back(block_site(layer, "attn.pattern"));
  }
  const auto cache = model.run_with_cache(batch, names).second;
  const auto massive =
      selected_tokens(tokens.select, cache[stream.name], stream);
  std::vector<BlockAttention> blocks;
  blocks.reserve(layers.size());
  for (const std::int64_t layer : layers) {
    blocks.push_back(
        {layer,
         cache[block_site(layer, "attn.attn_scores")],
         cache[block_site(layer, "attn.pattern")]});
  }
  auto maps = make_attention_maps(
      blocks, massive[0].to(torch::kCPU), batch.ids[0].to(torch::kCPU));
  maps.tokens = token_texts(model, maps.ids);
  return maps;
}

std::vector<std::string> token_texts(
    const Model& model, const torch::Tensor& ids) {
  const Tokenizer* tokenizer = nullptr;
  try {
    tokenizer = &model.tokenizer();
  } catch (const FileError&) {
    return {}; // ids are all that is known of them
  }
  std::vector<std::string> texts;
  const auto on_cpu = ids.to(torch::kCPU).contiguous();
  for (std::int64_t i = 0; i < on_cpu.numel(); ++i) {
    const auto id = on_cpu.const_data_ptr<std::int64_t>()[i];
    texts.push_back(
        id < tokenizer->vocab_size()
            ? tokenizer->decode(std::vector<std::int64_t>{id})
            : "");
  }
  return texts;
}

torch::Tensor random_sequences(
    std::int64_t vocab,
    at::IntArrayRef shape,
    bool is_repeated,
    std::uint64_t seed) {
  if (vocab < 1 || shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    throw ShapeError(
        "random sequences",
        c10::str(
            "expected a vocabulary and [n, length], got ",
            vocab,
            " and ",
            shape));
  }
  auto ids = at::empty(shape, torch::kInt64);
  auto* id = ids.mutable_data_ptr<std::int64_t>();
  for (std::int64_t row = 0; row < shape[0]; ++row) {
    RandomStream random(seed, static_cast<std::uint64_t>(row));
    const auto draw = [&] {
      return static_cast<std::int64_t>(
          random.below(static_cast<std::uint64_t>(vocab)));
    };
    const auto first = draw();
    for (std::int64_t pos = 0; pos < shape[1]; ++pos) {
      *id++ = pos == 0 || is_repeated ? first : draw();
    }
  }
  return ids;
}

} // namespace ma
