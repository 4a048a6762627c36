// One pass with a hook on each stream that is asked for.
#include "libma/eval/magnitude_surface.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "libma/core/error.h"
#include "libma/core/magnitudes.h"
#include "libma/core/table_columns.h"
#include "libma/hooks/hook_names.h"

namespace ma {
namespace {

constexpr const char* kWhere = "magnitude surface";

/// Where the stream after block `layer` is seen. Throws ConfigError when there
/// is no such block.
std::string site_of(std::int64_t layer, std::int64_t n_layers) {
  if (layer < -1 || layer >= n_layers) {
    throw ConfigError(
        kWhere,
        c10::str(
            "there is no block ",
            layer,
            "; use 0 to ",
            n_layers - 1,
            ", or -1 for the stream before block 0"));
  }
  return layer < 0 ? block_site(0, "resid_pre")
                   : block_site(layer, "resid_post");
}

std::vector<ElementRange> whole(const torch::Tensor& x) {
  return {{0, x.numel()}};
}

} // namespace

MagnitudeSurface magnitude_surface(
    const Model& model,
    const std::string& prompt,
    const std::vector<std::int64_t>& layers,
    bool add_bos) {
  const Tokenizer& tokenizer = model.tokenizer();
  const auto ids = tokenizer.encode(prompt, {.add_bos = add_bos}); // [pos]
  if (ids.numel() == 0) {
    throw ConfigError(kWhere, "the prompt has no tokens; give some text");
  }
  const auto dtype =
      model.dtype() == torch::kFloat64 ? torch::kFloat64 : torch::kFloat32;
  std::map<std::int64_t, torch::Tensor> streams;
  std::vector<HookHandle> handles;
  handles.reserve(layers.size());
  for (const std::int64_t layer : layers) {
    handles.push_back(model.add_hook(
        site_of(layer, model.config().n_layers),
        [&streams, layer, dtype](const torch::Tensor& x, const HookSite&) {
          streams[layer] = x[0].to(torch::kCPU, dtype, false, /*copy=*/true);
          return x;
        }));
  }
  const TokenBatch batch(ids);
  model.run_blocks(model.embed(batch), 0, model.config().n_layers, batch);
  MagnitudeSurface surface{
      .prompt = prompt,
      .has_bos = add_bos,
      .ids =
          {ids.const_data_ptr<std::int64_t>(),
           ids.const_data_ptr<std::int64_t>() + ids.numel()},
      .layers = layers};
  for (const std::int64_t id : surface.ids) {
    surface.tokens.push_back(tokenizer.decode(std::vector<std::int64_t>{id}));
  }
  std::vector<torch::Tensor> values;
  for (const std::int64_t layer : layers) {
    values.push_back(streams.at(layer));
    surface.medians.push_back(
        median_magnitude(values.back(), whole(values.back())));
  }
  surface.values = values.empty() ? torch::Tensor() : at::stack(values);
  return surface;
}

Table features_table(
    const MagnitudeSurface& surface,
    std::int64_t top,
    const MassiveCriterion& criterion) {
  if (top < 1) {
    throw ConfigError(
        kWhere, c10::str("option 'top' is ", top, "; give at least 1"));
  }
  Table table(
      {block_column(),
       index_column("layer"),
       index_column("token_index"),
       {.name = "token_text"},
       index_column("dim"),
       {.name = "value"},
       {.name = "abs"},
       {.name = "massive"}});
  for (std::size_t i = 0; i < surface.layers.size(); ++i) {
    const auto state =
        surface.values[static_cast<std::int64_t>(i)]; // [pos, d_model]
    const double threshold =
        std::max(criterion.magnitude, criterion.ratio * surface.medians[i]);
    const auto d_model = state.size(1);
    for (std::size_t token = 0; token < surface.tokens.size(); ++token) {
      const auto first = static_cast<std::int64_t>(token) * d_model;
      const auto found =
          scan_magnitudes(state, {{first, first + d_model}}, {.top = top});
      for (const Entry& entry : found.top) {
        table.add_row(
            {surface.layers[i],
             surface.layers[i] + 1,
             static_cast<std::int64_t>(token),
             surface.tokens[token],
             entry.index - first,
             entry.value,
             std::abs(entry.value),
             std::string(std::abs(entry.value) > threshold ? "yes" : "no")});
      }
    }
  }
  return table;
}

} // namespace ma
