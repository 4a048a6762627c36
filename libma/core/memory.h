// What the process holds of the system's memory.
#pragma once

namespace ma {

/// Gives the pages of freed blocks back to the system, where the C library can
/// (glibc); it keeps those between blocks in use otherwise.
void give_back_freed_memory();

} // namespace ma
