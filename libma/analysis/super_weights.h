// Super weights (Yu et al. 2024) and who else writes a massive activation: what
// was found, and its tables.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "libma/core/table.h"
#include "libma/core/tensor.h"

namespace ma {

/// The largest entry that an MLP writes in one pass, and the largest neuron at
/// the same token: what a spike is judged by.
struct MlpPeak {
  std::int64_t layer = 0;    ///< 0-based block
  std::int64_t sequence = 0; ///< of those looked at
  std::int64_t position = 0; ///< in the sequence, 0-based
  std::int64_t token_id = 0;
  std::int64_t dim = 0;    ///< of the stream
  double output = 0;       ///< signed entry of mlp_out, activation units
  std::int64_t neuron = 0; ///< of the MLP
  double input = 0;        ///< signed entry of mlp.post
  double stream = 0;       ///< largest |x| of the stream after the block, at
                           ///< any token
  bool is_spike = false;   ///< |input| and |output| are beyond the thresholds
};

/// An entry of a down-projection, blocks.{layer}.mlp.down.weight[dim, neuron],
/// without which a spike is not.
struct SuperWeight {
  MlpPeak peak;            ///< as it was with the weights before this one gone
  std::int64_t neuron = 0; ///< column; the row is peak.dim
  bool is_largest_input = false; ///< no neuron of that token is larger
  double input = 0;              ///< entry of mlp.post
  double weight = 0;
  std::int64_t rank = 0;     ///< by magnitude in its matrix, from 1
  double contribution = 0;   ///< weight * input, in the units of mlp_out
  double share = 0;          ///< of peak.output, no unit
  double stream_without = 0; ///< peak.stream once it is gone too
  std::string token = {};    ///< text of the token, where somebody filled it in
};

struct SuperWeightSearch {
  std::vector<MlpPeak> peaks;       ///< of each block, nothing removed
  std::vector<SuperWeight> weights; ///< in the order of their removal
  double input_threshold = 0;       ///< a spike's |input| is above it ...
  double output_threshold = 0;      ///< ... and its |output| above this
  bool has_more = false; ///< the search ended at its limit, not for want of
                         ///< spikes
};

/// One row a weight, in the order of their removal.
Table super_weights_table(const SuperWeightSearch& search);

/// One row a block: the peaks of the unedited model (Yu et al., Figure 3).
Table peaks_table(const SuperWeightSearch& search);

/// What a block adds to one dim of the stream at one token. Means over the
/// sequences of signed values, activation units.
struct BlockWrite {
  std::int64_t layer = 0;
  double before = 0, attention = 0, mlp = 0;
  double rest = 0; ///< after - before - attention - mlp: norms of the stream
                   ///< itself, or rounding
  double after = 0;
  std::int64_t step = 0; ///< 1: the entry's mean magnitude steps up here, -1:
                         ///< down, 0: neither
};

/// What a neuron adds to it. Means over the sequences.
struct NeuronWrite {
  std::int64_t neuron = 0;
  double contribution = 0;     ///< weight * post
  double share = 0;            ///< of what the MLP writes, no unit
  double cumulative_share = 0; ///< with those before it
  double weight = 0;           ///< entry of the down-projection
  double post = 0;             ///< the neuron's activation
  double pre = 0;              ///< before the nonlinearity (the gate)
  double pre_linear = 0;       ///< the other branch; NaN without gate
};

/// The chain that leads to one entry of the stream.
struct WriteContributions {
  std::int64_t layer = 0, dim = 0;
  std::vector<std::int64_t> positions; ///< of the token, in each sequence
  std::vector<BlockWrite> blocks = {}; ///< all of them, whatever the layer
  double bias = 0; ///< of the layer's down-projection: its contribution
  std::vector<NeuronWrite> neurons =
      {};                           ///< of the layer, largest magnitude first
  torch::Tensor contributions = {}; ///< float64 [d_mlp], of all neurons;
                                    ///< undefined with a mixture of experts
};

/// All neurons of a layer, float64 [d_mlp] each.
struct NeuronTerms {
  torch::Tensor contributions;
  torch::Tensor weights; ///< the row of the down-projection
  torch::Tensor post, pre;
  torch::Tensor pre_linear; ///< undefined without gate
};

/// The `top` neurons of largest |contribution|, ties by index; shares are of
/// `total`.
std::vector<NeuronWrite> rank_neurons(
    const NeuronTerms& terms, double total, std::int64_t top);

/// Sets `step` of each block: up where the magnitude grows by more than `share`
/// of the largest |after| of all blocks, down where it falls by as much.
void mark_steps(std::vector<BlockWrite>& blocks, double share);

/// One row a block.
Table block_writes_table(const WriteContributions& found);

/// One row a neuron.
Table neuron_writes_table(const WriteContributions& found);

} // namespace ma
