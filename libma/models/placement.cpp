// Cutting a model into consecutive pieces.
#include "libma/models/placement.h"

#include <algorithm>
#include <iterator>
#include <numeric>
#include <sstream>
#include <string_view>

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <c10/core/CachingDeviceAllocator.h>

#include "libma/core/error.h"
#include "libma/core/names.h"

namespace ma {
namespace {

constexpr double kUsable = 0.9; // of a GPU's free memory; activations take more

torch::Device parse_device(const std::string& name) {
  try {
    torch::Device device(name);
    if (!device.is_cpu() && !device.is_cuda()) {
      throw ConfigError(
          "device",
          c10::str("'", name, "' is not supported; use auto, cpu or cuda:N"));
    }
    if (device.is_cuda() && !device.has_index()) {
      device.set_index(0);
    }
    if (device.is_cuda() && !at::hasCUDA()) {
      throw ConfigError(
          "device",
          c10::str(
              "'",
              name,
              "' asked for, but this torch sees no CUDA; use cpu or auto"));
    }
    const auto count = device.is_cuda() ? at::accelerator::deviceCount() : 1;
    if (device.has_index() && device.index() >= count) {
      throw ConfigError(
          "device",
          c10::str(
              "'",
              name,
              "' asked for, but devices of this kind are numbered 0 to ",
              count - 1));
    }
    return device;
  } catch (const c10::Error&) {
    throw ConfigError(
        "device",
        c10::str(
            "'",
            name,
            "' is no device; use auto, cpu, cuda:N, or several as "
            "cuda:0,cuda:1"));
  }
}

/// Every GPU with its usable free memory, bytes.
std::vector<DeviceShare> gpus() {
  std::vector<DeviceShare> found;
  at::globalContext().lazyInitDevice(torch::kCUDA);
  for (c10::DeviceIndex i = 0; i < at::accelerator::deviceCount(); ++i) {
    const auto free =
        at::getDeviceAllocator(torch::kCUDA)->getMemoryInfo(i).first;
    found.push_back(
        {torch::Device(torch::kCUDA, i), kUsable * static_cast<double>(free)});
  }
  return found;
}

} // namespace

Placement Placement::all(torch::Device device, std::int64_t n_layers) {
  return {
      device,
      std::vector<torch::Device>(static_cast<std::size_t>(n_layers), device),
      device};
}

std::string Placement::names() const {
  std::vector<std::string> names;
  const auto add = [&](torch::Device device) {
    if (std::count(names.begin(), names.end(), device.str()) == 0) {
      names.push_back(device.str());
    }
  };
  add(embed);
  std::for_each(blocks.begin(), blocks.end(), add);
  add(head);
  return join(names, ",");
}

bool is_of_head(const std::string& ours) {
  static constexpr std::string_view kParts[] = {
      "ln_final.",
      "unembed.",
      "pool.",
      "pooler.",
      "projection.",
      "classifier.",
      "distillation_classifier."};
  return std::any_of(
      std::begin(kParts), std::end(kParts), [&](std::string_view part) {
        return ours.starts_with(part);
      });
}

torch::Device Placement::of(const std::string& ours, std::int64_t layer) const {
  if (layer >= 0) {
    return blocks.at(static_cast<std::size_t>(layer));
  }
  return is_of_head(ours) ? head : embed;
}

std::int64_t PartBytes::total() const {
  return std::accumulate(blocks.begin(), blocks.end(), embed + head);
}

Placement spread(
    const PartBytes& parts, const std::vector<DeviceShare>& devices) {
  const double whole = std::accumulate(
      devices.begin(), devices.end(), 0.0, [](double sum, const auto& each) {
        return sum + each.share;
      });
  const double total = static_cast<double>(parts.total());
  double placed = 0; // bytes
  // A part goes where its middle falls.
  const auto place = [&](std::int64_t bytes) {
    const double middle = placed + static_cast<double>(bytes) / 2;
    placed += static_cast<double>(bytes);
    double end = 0; // bytes
    for (const DeviceShare& each : devices) {
      end += each.share / whole * total;
      if (middle < end) {
        return each.device;
      }
    }
    return devices.back().device;
  };
  Placement placement;
  placement.embed = place(parts.embed);
  for (const auto bytes : parts.blocks) {
    placement.blocks.push_back(place(bytes));
  }
  placement.head = place(parts.head);
  return placement;
}

std::vector<torch::Device> parse_devices(const std::string& text) {
  std::vector<torch::Device> devices;
  if (text == "auto") {
    return devices;
  }
  std::istringstream words(text);
  for (std::string word; std::getline(words >> std::ws, word, ',');) {
    word.erase(word.find_last_not_of(' ') + 1);
    const auto device = parse_device(word);
    if (std::count(devices.begin(), devices.end(), device) > 0) {
      throw ConfigError("device", "'" + word + "' is given twice");
    }
    devices.push_back(device);
  }
  if (devices.empty()) {
    throw ConfigError(
        "device", "'' is no device; use auto, cpu, cuda:N, or several");
  }
  return devices;
}

Placement place_automatically(const PartBytes& parts) {
  const auto n_layers = static_cast<std::int64_t>(parts.blocks.size());
  if (!at::hasCUDA()) {
    return Placement::all(torch::kCPU, n_layers);
  }
  const auto devices = gpus();
  const double needed = static_cast<double>(parts.total());
  double usable = 0;
  for (const DeviceShare& each : devices) {
    usable += each.share;
  }
  if (needed <= devices.front().share) {
    return Placement::all(devices.front().device, n_layers);
  }
  return needed <= usable ? spread(parts, devices)
                          : Placement::all(torch::kCPU, n_layers);
}

} // namespace ma
