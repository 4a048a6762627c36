// The catalogue of hook names: every name, its shape and its meaning, in the
// order of a forward pass.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libma/hooks/hook_point.h"

namespace ma {

struct HookName {
  std::string_view
      name; ///< "embed", or "blocks.{}.attn.q" with {} for the 0-based block
  std::string_view shape;   ///< "[batch, pos, d_model]"
  std::string_view meaning; ///< what the tensor is
};

/// All names that an architecture may offer.
const std::vector<HookName>& hook_catalogue();

/// The site called `name` with its kind, layer and shape from the catalogue.
/// Throws UnknownNameError when the catalogue has no such name.
HookSite make_site(const std::string& name);

/// `blocks.{layer}.{kind}`.
std::string block_site(std::int64_t layer, std::string_view kind);

/// The catalogue as a Markdown table, for the documentation.
std::string hook_catalogue_markdown();

} // namespace ma
