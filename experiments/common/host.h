// What the process runs on and what it has used.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace ma::experiments {

/// The processor's name as the system gives it, or "unknown".
std::string cpu_model();

/// Names of the NVIDIA GPUs that the driver lists, in bus order.
std::vector<std::string> gpu_models();

/// Most memory that the process has held at once, in bytes.
std::int64_t peak_memory_bytes();

/// Most memory that torch has held at once on the current CUDA device, in
/// bytes; nothing without CUDA.
std::optional<std::int64_t> peak_device_memory_bytes();

/// Version of the torch that libma was compiled against: "2.13.0".
std::string torch_version();

/// The file that holds this code: the experiment's binary or the Python module.
std::filesystem::path this_binary();

/// Threads that torch uses inside an operation.
int torch_threads();
void set_torch_threads(int count);

/// "2026-03-01T12:00:00Z", the present time.
std::string utc_now();

/// Tells the allocator (glibc's) to keep large freed blocks for reuse instead
/// of returning them to the system, so that the temporaries of each layer are
/// not page-faulted afresh. For the start of `main`; a library must not do
/// this.
void keep_freed_memory();

/// Gives memory that nothing uses any more back to the system and to the
/// devices, so that what comes next starts as a new process would.
void release_freed_memory();

} // namespace ma::experiments
