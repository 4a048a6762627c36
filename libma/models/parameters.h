// The parameters of a loaded language model, by the library's own names.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "libma/core/tensor.h"
#include "libma/models/model.h"
#include "libma/models/plan.h"
#include "libma/models/weights.h"

namespace ma {

/// Reads parameters of a model once more from its files, one at a time. The
/// model's own are out of reach, so that nothing changes them by accident.
class ParameterReader {
 public:
  /// Throws FileError when the model was made in memory, and what load_model
  /// throws when its files are gone.
  explicit ParameterReader(const Model& model);

  /// "embed.weight", "blocks.0.ln1.weight", ... in the order of a forward pass;
  /// a tied output head is "embed.weight" alone.
  const std::vector<std::string>& names() const { return names_; }
  bool has(const std::string& name) const { return parameters_.contains(name); }

  /// The parameter as the model has it: a matrix [out, in], or [n], in the
  /// model's dtype, on the CPU, in memory of its own. Throws UnknownNameError,
  /// FileError when the files are no longer those that were loaded.
  torch::Tensor read(const std::string& name) const;

 private:
  ModelPlan plan_;
  std::vector<std::string> names_;
  std::map<std::string, Parameter> parameters_;
};

} // namespace ma
