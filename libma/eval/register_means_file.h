// Register means in files, and as an edit (Sun et al. 2024, "Fix-Reg-Mean").
#pragma once

#include <filesystem>

#include "libma/analysis/register_means.h"
#include "libma/interventions/intervention.h"
#include "libma/models/vision_config.h"

namespace ma {

/// Reads what save_register_means wrote: a safetensors file with the tensor
/// `register_means`, float32 [layer, register, d_model]. Throws FileError when
/// it is no such file.
RegisterMeans load_register_means(const std::filesystem::path& path);

/// Writes `path` in one step, the number of images in its metadata. Throws
/// ShapeError unless means are [layer, register, d_model], FileError.
void save_register_means(
    const std::filesystem::path& path, const RegisterMeans& means);

/// The edit that overwrites every register with its mean at the input of every
/// block. Throws ShapeError, located at `fix_registers`, when the means are not
/// of a model with this configuration.
Intervention fix_registers(
    const VisionConfig& config, const RegisterMeans& means);

} // namespace ma
