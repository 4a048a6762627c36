// Looking for a vision model's register neurons over images, and moving their
// activations to test-time registers (Jiang et al. 2025).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/analysis/register_neurons.h"
#include "libma/core/progress.h"
#include "libma/eval/measure_tokens.h"
#include "libma/interventions/intervention.h"
#include "libma/models/vision_model.h"

namespace ma {

/// Takes batches of images one by one. Memory does not grow with the images.
///
/// A batch passes up to the block of the norms; its images with outliers pass
/// again, up to the highest block, one MLP in memory at a time.
class RegisterNeuronFinder {
 public:
  /// Keeps a reference to `model`. Throws ConfigError when an option is out of
  /// its range.
  RegisterNeuronFinder(
      const VisionModel& model, const RegisterNeuronOptions& options);

  /// Looks at `pixels`, float [batch, channel, height, width] or [channel,
  /// height, width], with the hooks that are registered. Throws as
  /// VisionModel::embed and find_outliers do.
  void observe(const torch::Tensor& pixels);

  std::int64_t n_images() const { return found_.n_images; }

  /// What was seen so far. Throws ShapeError when that is nothing.
  RegisterNeurons finish() const;

 private:
  const VisionModel& model_;
  RegisterNeurons found_; ///< counts so far
  std::int64_t highest_;  ///< block
  NeuronMeansAccumulator means_;
};

/// Takes all batches of `source`; `n_images` is their number for `progress`, 0
/// where it is not known. Throws as RegisterNeuronFinder does.
RegisterNeurons find_register_neurons(
    const VisionModel& model,
    const PixelSource& source,
    const RegisterNeuronOptions& options = {},
    const ProgressFn& progress = {},
    std::int64_t n_images = 0);

struct TestTimeRegisterOptions {
  std::string others = "zero"; ///< what all other tokens get: as shift_neurons
  std::vector<std::string> keep = {}; ///< tokens that stay as they are, by
                                      ///< role: "cls", "register:0"
};

/// The edits that move the activations of `neurons` to the model's test-time
/// registers, one a block. Throws ConfigError when the model was loaded without
/// such registers, there are no neurons or one is not the model's;
/// UnknownNameError on a role or choice that there is not.
std::vector<Intervention> test_time_registers(
    const VisionConfig& config,
    const std::vector<RegisterNeuron>& neurons,
    const TestTimeRegisterOptions& options = {});

} // namespace ma
