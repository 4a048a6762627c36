// Activations kept from a forward pass, by hook name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libma/core/tensor.h"

namespace ma {

/// What `run_with_cache` kept. Tensors are the pass's own (no copies), so a
/// cache holds their memory.
class ActivationCache {
 public:
  /// The activation at `name`. Throws UnknownNameError with the nearest kept
  /// names.
  const torch::Tensor& operator[](const std::string& name) const;

  bool contains(const std::string& name) const {
    return by_name_.contains(name);
  }

  /// Kept names in forward order.
  const std::vector<std::string>& names() const { return names_; }

  std::size_t size() const { return names_.size(); }

  /// Bytes of all kept tensors.
  std::int64_t bytes() const;

  /// Keeps `x` under `name`; the last one wins.
  void insert(const std::string& name, torch::Tensor x);

 private:
  std::vector<std::string> names_;
  std::map<std::string, torch::Tensor> by_name_;
};

} // namespace ma
