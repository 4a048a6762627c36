// Storage behind ActivationCache.
#include "libma/hooks/activation_cache.h"

#include <utility>

#include "libma/core/error.h"

namespace ma {

const torch::Tensor& ActivationCache::operator[](
    const std::string& name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) {
    throw UnknownNameError("activation cache", "kept activation", name, names_);
  }
  return found->second;
}

std::int64_t ActivationCache::bytes() const {
  std::int64_t bytes = 0;
  for (const auto& entry : by_name_) {
    bytes += static_cast<std::int64_t>(entry.second.nbytes());
  }
  return bytes;
}

void ActivationCache::insert(const std::string& name, torch::Tensor x) {
  if (by_name_.insert_or_assign(name, std::move(x)).second) {
    names_.push_back(name);
  }
}

} // namespace ma
