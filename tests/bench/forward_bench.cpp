// What a forward pass, its scoring and a table of four conditions cost.
//
// The model has SmolLM2-135M's shape and random weights, or is the one that the
// environment's LIBMA_BENCH_MODEL names (a folder or a .gguf file). Compare
// figures of one run only, and on a busy machine the CPU time of one thread
// (OMP_NUM_THREADS=1), with --benchmark_repetitions and
// --benchmark_enable_random_interleaving.
#include <cstdlib>

#include "tests/tiny_model.h"
#include <ATen/core/grad_mode.h>
#include <benchmark/benchmark.h>
#include <nlohmann/json.hpp>

#include "libma/eval/conditions.h"

namespace {

constexpr std::int64_t kTokens = 2048; // of a pass

const ma::Model& bench_model() {
  static const ma::Model model = [] {
    if (const char* path = std::getenv("LIBMA_BENCH_MODEL")) {
      return ma::load_model(path, {.device = "cpu", .home = {}});
    }
    return ma::testing::make_tiny_model(
        {{"model_type", "llama"},
         {"num_hidden_layers", 30},
         {"hidden_size", 576},
         {"num_attention_heads", 9},
         {"num_key_value_heads", 3},
         {"intermediate_size", 1536},
         {"vocab_size", 49152},
         {"max_position_embeddings", 8192},
         {"rope_theta", 100000.0},
         {"tie_word_embeddings", true}});
  }();
  return model;
}

/// 2,048 tokens in windows of `pos`, all but the first of each scored.
struct Work {
  explicit Work(std::int64_t pos) {
    at::manual_seed(0);
    const auto ids = at::randint(
        bench_model().config().vocab, {kTokens / pos, pos}, torch::kInt64);
    batch = ma::TokenBatch(ids);
    const auto all = at::arange(kTokens).view({-1, pos});
    positions = all.narrow(/*dim=*/1, 0, pos - 1).flatten();
    targets = ids.narrow(/*dim=*/1, 1, pos - 1).flatten();
  }

  torch::Tensor score(const torch::Tensor& stream) const {
    return bench_model().score(stream, positions, targets, batch).nll_nats;
  }

  ma::TokenBatch batch;
  torch::Tensor positions; ///< [n]
  torch::Tensor targets;   ///< [n]
};

torch::Tensor run_all_blocks(const Work& work) {
  const ma::Model& model = bench_model();
  return model.run_blocks(
      model.embed(work.batch), 0, model.config().n_layers, work.batch);
}

void BM_Blocks(benchmark::State& state) {
  const Work work(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(run_all_blocks(work));
  }
}

void BM_Score(benchmark::State& state) {
  const Work work(state.range(0));
  const auto stream = run_all_blocks(work);
  for (auto _ : state) {
    benchmark::DoNotOptimize(work.score(stream));
  }
}

/// The usual way, for comparison: logits in chunks of 512 rows, then a softmax.
void BM_ScoreByLogits(benchmark::State& state) {
  const at::NoGradGuard no_grad;
  const Work work(state.range(0));
  const auto stream = run_all_blocks(work);
  for (auto _ : state) {
    for (std::int64_t first = 0; first < work.positions.size(0); first += 512) {
      const auto rows =
          work.positions.slice(/*dim=*/0, first, first + 512); // [n]
      const auto targets = work.targets.slice(/*dim=*/0, first, first + 512);
      const auto logits = bench_model().unembed(stream, rows, work.batch);
      benchmark::DoNotOptimize(
          at::log_softmax(logits, /*dim=*/1)
              .gather(/*dim=*/1, targets.unsqueeze(1)));
    }
  }
}

void BM_OneEvaluation(benchmark::State& state) {
  const Work work(state.range(0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(work.score(run_all_blocks(work)));
  }
}

void BM_CacheEveryResidPost(benchmark::State& state) {
  const Work work(state.range(0));
  for (auto _ : state) {
    std::vector<torch::Tensor> kept;
    const auto handle = bench_model().add_hook(
        "blocks.*.resid_post",
        [&kept](const torch::Tensor& x, const ma::HookSite&) {
          kept.push_back(x);
          return x;
        });
    benchmark::DoNotOptimize(work.score(run_all_blocks(work)));
  }
}

/// The original and three edits after block 11, as in the paper's table.
void BM_TableOfFour(benchmark::State& state) {
  const Work work(state.range(0));
  const auto edit = [](ma::Selection select, double value) {
    return std::vector<ma::Intervention>{ma::make_intervention(
        "set_value",
        {.site = "blocks.11.resid_post",
         .select = std::move(select),
         .value = value})};
  };
  const auto start = ma::Selection::at({0}, {507});
  const ma::Selection median = {
      .kind = ma::SelectionKind::kMedianMagnitude, .count = 1};
  ma::ConditionRunner runner(
      bench_model(),
      {{"original", {}},
       {"zero", edit(start, 0)},
       {"mean", edit(start, 23000)},
       {"control", edit(median, 0)}});
  for (auto _ : state) {
    runner.run(work.batch, [&](std::size_t, const torch::Tensor& stream) {
      benchmark::DoNotOptimize(work.score(stream));
    });
  }
}

void options(benchmark::internal::Benchmark* bench) {
  bench->Arg(512)->Arg(2048)->ArgName("pos")->Unit(benchmark::kMillisecond);
  bench->Iterations(1)->MeasureProcessCPUTime()->UseRealTime();
}

BENCHMARK(BM_Blocks)->Apply(options);
BENCHMARK(BM_Score)->Apply(options);
BENCHMARK(BM_ScoreByLogits)->Apply(options);
BENCHMARK(BM_OneEvaluation)->Apply(options);
BENCHMARK(BM_CacheEveryResidPost)->Apply(options);
BENCHMARK(BM_TableOfFour)->Apply(options);

} // namespace
