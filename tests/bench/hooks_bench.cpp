// What a hook point costs: idle, and with hooks that read or replace.
#include <memory>

#include <benchmark/benchmark.h>

#include "libma/core/tensor.h"
#include "libma/hooks/hook_table.h"

namespace {

/// One point of a small model's stream, called with `n_hooks` identity hooks.
void call_point(benchmark::State& state, int n_hooks) {
  const at::NoGradGuard no_grad;
  const auto table = std::make_shared<ma::HookTable>();
  const ma::HookPoint& point = table->add_point("embed");
  std::vector<ma::HookHandle> handles;
  for (int i = 0; i < n_hooks; ++i) {
    handles.push_back(table->add(
        "embed",
        [](const torch::Tensor& x, const ma::HookSite&) { return x; }));
  }
  const auto x = torch::zeros({1, 16, 64}); // [batch, pos, d_model]
  for (auto _ : state) {
    benchmark::DoNotOptimize(point(x));
  }
}

void BM_IdlePoint(benchmark::State& state) {
  call_point(state, 0);
}
BENCHMARK(BM_IdlePoint);

void BM_OneIdentityHook(benchmark::State& state) {
  call_point(state, 1);
}
BENCHMARK(BM_OneIdentityHook);

void BM_TenIdentityHooks(benchmark::State& state) {
  call_point(state, 10);
}
BENCHMARK(BM_TenIdentityHooks);

} // namespace
