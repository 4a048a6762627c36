// Which device holds which part of a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/tensor.h"

namespace ma {

/// Which device holds which parameter.
struct Placement {
  torch::Device embed = torch::kCPU;
  std::vector<torch::Device> blocks;
  torch::Device head = torch::kCPU; ///< final norm and unembedding

  /// Everything on one device.
  static Placement all(torch::Device device, std::int64_t n_layers);

  /// Each device once, in the order of the parts, with commas between.
  std::string names() const;

  /// The device of the parameter `ours` of block `layer`, -1 outside the
  /// blocks.
  torch::Device of(const std::string& ours, std::int64_t layer) const;
};

/// Whether the parameter `ours` is of what comes after the blocks.
bool is_of_head(const std::string& ours);

/// The sizes of a model's parts, bytes.
struct PartBytes {
  std::int64_t embed = 0;
  std::vector<std::int64_t> blocks;
  std::int64_t head = 0;

  std::int64_t total() const;
};

/// A device and how much of the model it should take, no unit; shares need not
/// sum to 1.
struct DeviceShare {
  torch::Device device = torch::kCPU;
  double share = 1;
};

/// Consecutive parts on each device in turn, so that each holds about its share
/// of the bytes.
Placement spread(
    const PartBytes& parts, const std::vector<DeviceShare>& devices);

/// The devices that `text` names: "auto", "cpu", "cuda:0", or several with
/// commas between, "cuda:0,cuda:1". Empty for "auto". Throws ConfigError on a
/// word that is no device, one that this torch does not see, or one twice.
std::vector<torch::Device> parse_devices(const std::string& text);

/// Where "auto" puts a model of `parts`: on the first GPU if it fits there with
/// a tenth to spare for activations, else over all of them by their free
/// memory, else, and without a GPU, on the CPU.
Placement place_automatically(const PartBytes& parts);

} // namespace ma
