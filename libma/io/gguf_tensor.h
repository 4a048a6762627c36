// The values of a GGUF tensor, dequantised where they are quantised.
#pragma once

#include "libma/core/tensor.h"
#include "libma/io/gguf_encoding.h"
#include "libma/io/mapped_tensor.h"

namespace ma {

/// The tensor at `from`, encoded as `encoding` ("F16", "Q4_1", ...), as a
/// tensor of `dtype` in memory of its own. Throws FileError when libma cannot
/// read the encoding, ShapeError when `dtype` cannot hold its values.
torch::Tensor load_gguf_tensor(
    const MappedTensor& from,
    const GgufEncoding& encoding,
    torch::ScalarType dtype);

} // namespace ma
