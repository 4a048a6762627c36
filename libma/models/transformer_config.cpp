// What must hold between the sizes of a stack of blocks.
#include "libma/models/transformer_config.h"

#include <utility>

#include "libma/core/error.h"

namespace ma {

void check_size(const char* name, std::int64_t size, const std::string& where) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;
  if (size <= 0 || size >= kMost) {
    throw ConfigError(
        where,
        c10::str("the ", name, " is ", size, "; expected a positive size"));
  }
}

void TransformerConfig::check_blocks(const std::string& where) const {
  const auto require = [&](bool holds, const std::string& problem) {
    if (!holds) {
      throw ConfigError(where, problem);
    }
  };
  check_size("number of blocks", n_layers, where);
  check_size("d_model", d_model, where);
  check_size("number of heads", n_heads, where);
  check_size("d_mlp", d_mlp, where);
  require(
      n_kv_heads > 0 && n_heads % n_kv_heads == 0,
      c10::str(
          "the number of heads (",
          n_heads,
          ") must be a multiple of the key/value heads (",
          n_kv_heads,
          ")"));
  require(
      d_head > 0,
      c10::str(
          "d_head is ",
          d_head,
          "; d_model ",
          d_model,
          " with ",
          n_heads,
          " heads gives none"));
  require(
      windows.empty() || static_cast<std::int64_t>(windows.size()) == n_layers,
      c10::str(
          "attention windows are given for ",
          windows.size(),
          " blocks of ",
          n_layers));
  for (const auto window : windows) {
    require(
        window >= 0, c10::str("an attention window is ", window, " tokens"));
  }
  require(
      n_experts == 0 || (n_experts_used > 0 && n_experts_used <= n_experts),
      c10::str(n_experts_used, " of ", n_experts, " experts cannot be used"));
}

} // namespace ma
