// AttentionSinks as tables.
#pragma once

#include "libma/analysis/attention_sinks.h"
#include "libma/core/table.h"

namespace ma {

/// One row an eps: the share of sequences, blocks and heads whose first token
/// is a sink (Gu et al. 2025), and the share that has one anywhere.
Table sink_summary_table(const AttentionSinks& sinks);

/// One row a block, means over heads.
Table sink_blocks_table(const AttentionSinks& sinks);

/// One row a block and head.
Table sink_heads_table(const AttentionSinks& sinks);

/// One row a block and class of tokens with attention outliers.
Table attention_outliers_table(const AttentionSinks& sinks);

} // namespace ma
