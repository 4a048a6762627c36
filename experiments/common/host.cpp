// Linux's /proc, getrusage, glibc's mallopt and torch's allocator statistics.
#include "experiments/common/host.h"

#include <dlfcn.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <torch/version.h>

#include "libma/core/memory.h"

namespace ma::experiments {
namespace {

/// What follows "key<blanks>:" in a file of such lines.
std::optional<std::string> value_in(
    const std::filesystem::path& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(':');
    if (line.starts_with(key) && colon != std::string::npos) {
      const auto begin = line.find_first_not_of(" \t", colon + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  }
  return std::nullopt;
}

} // namespace

std::string cpu_model() {
  return value_in("/proc/cpuinfo", "model name").value_or("unknown");
}

std::vector<std::string> gpu_models() {
  std::vector<std::filesystem::path> folders;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(
           "/proc/driver/nvidia/gpus", absent)) {
    folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  std::vector<std::string> models;
  models.reserve(folders.size());
  for (const auto& folder : folders) {
    models.push_back(
        value_in(folder / "information", "Model").value_or("unknown"));
  }
  return models;
}

std::int64_t peak_memory_bytes() {
  // Of this program alone: ru_maxrss also counts the process that started it.
  if (const auto peak = value_in("/proc/self/status", "VmHWM")) {
    return std::int64_t{std::stoll(*peak)} * 1024; // "1234 kB"
  }
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

std::optional<std::int64_t> peak_device_memory_bytes() {
  if (!at::hasCUDA()) {
    return std::nullopt;
  }
  auto* allocator = c10::getDeviceAllocator(c10::kCUDA);
  if (!allocator->initialized()) {
    return std::nullopt;
  }
  const auto all =
      static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return allocator->getDeviceStats(/*device=*/0).allocated_bytes[all].peak;
}

std::filesystem::path this_binary() {
  Dl_info info = {};
  return dladdr(reinterpret_cast<const void*>(&this_binary), &info) != 0
             ? std::filesystem::path(info.dli_fname)
             : std::filesystem::path("/proc/self/exe");
}

std::string torch_version() {
  return TORCH_VERSION;
}

int torch_threads() {
  return at::get_num_threads();
}

void set_torch_threads(int count) {
  at::set_num_threads(count);
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

void release_freed_memory() {
  give_back_freed_memory();
  if (at::hasCUDA()) {
    auto* allocator = c10::getDeviceAllocator(c10::kCUDA);
    if (allocator->initialized()) {
      allocator->emptyCache();
    }
  }
}

void keep_freed_memory() {
#ifdef __GLIBC__
  ::mallopt(M_MMAP_THRESHOLD, 1 << 30);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  ::mallopt(M_TOP_PAD, 64 << 20);
#endif
}

} // namespace ma::experiments
