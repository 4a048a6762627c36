// Which block writes a massive activation, and which one erases it (Sun et al.
// 2024, section 2; An et al. 2025).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace ma {

/// How a value comes to its plateau: by how few blocks 80 % of it are written.
enum class EmergenceKind {
  kRapid,   ///< one
  kSeveral, ///< two
  kGradual, ///< three or more
};

/// "rapid", "several", "gradual".
std::string_view emergence_kind_name(EmergenceKind kind);

/// The rise of a value over the blocks. Layers are 0-based blocks, -1 is the
/// stream before block 0.
struct Emergence {
  double plateau = 0; ///< signed; its magnitude is the median (lower of two)
                      ///< of those at least half as large as the largest
  std::int64_t first_layer = 0, last_layer = 0; ///< of the blocks around the
                                                ///< largest after which it is
                                                ///< at least half as large
  std::vector<std::int64_t> writers =
      {}; ///< the fewest layers that together write 80 % of the
          ///< plateau, the one that writes most first
  double writer_share = 0; ///< share of the plateau that the first writes
  EmergenceKind kind = EmergenceKind::kGradual;
  std::int64_t eraser = -1; ///< block of the largest fall after the peak; -1
                            ///< when it stays to the last block
  double eraser_share = 0;  ///< its fall by the plateau
};

/// The emergence of `curve`: the value before block 0, then after each block.
/// Signs count: a rise is one towards the sign of the largest entry. Nothing
/// when a value is not finite, or all are 0.
std::optional<Emergence> find_emergence(const std::vector<double>& curve);

} // namespace ma
