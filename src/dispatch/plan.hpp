#pragma once
#include <cstdint>
#include <vector>

#include "base/views.hpp"
#include "config/model_config.hpp"
#include "layout/layout.hpp"
#include "traffic/peer_rows.hpp"

namespace moescope {

/// Row counts of this rank's part in the exchange, from everybody's kept choices per expert. Pure and host-only.
struct RowPlan {
  std::vector<std::int64_t> send_rows;       ///< [ep] rows to each member of the ep group
  std::vector<std::int64_t> receive_rows;    ///< [ep] rows from each
  std::vector<std::int64_t> etp_rows;        ///< [etp] rows that each etp member received; gathered before the experts
  std::vector<std::int64_t> expert_offsets;  ///< [local experts + 1] of the gathered rows grouped by expert
  std::vector<int> grouped_position;  ///< [gathered rows] arrival order (etp member, source, expert) -> row grouped by expert
  std::int64_t num_sent() const;
  std::int64_t num_received() const;
  std::int64_t num_gathered() const { return expert_offsets.back(); }
};

/// counts [ep * etp, E]: rows that each rank sends (kept choices and pads), of the ranks of the expert block, in expert_block
/// order.
RowPlan plan_rows(Layout const& layout, ModelConfig const& model, std::int64_t rank, std::vector<std::int64_t> const& counts);

/// How the all_gather dispatcher finds its rows among the tokens and kept choices of the whole expert block.
struct BlockRows {
  std::vector<std::int64_t> tokens, choices;  ///< [ep * etp] owned tokens and kept choices of each member
  Vector<int> token_of_row;                   ///< [num_gathered] token of the block
  Vector<int> choice_of_row;                  ///< [num_gathered] kept choice of the block
  Vector<int> row_offsets, rows_of_token;     ///< rows of each token of the block: CSR
};

/// A plan is kept from forward to backward. Sent rows are ordered by expert, then token; behind an expert's come its pads
/// (Routing::pads).
struct Plan {
  RowPlan rows;
  Vector<int> token_of_sent;             ///< [num_sent] owned token each sent row copies, -1 for pads
  Vector<int> choice_of_sent;            ///< [num_sent] choice it belongs to, -1 for pads
  Vector<int> sent_of_choice;            ///< [num_choices] where a choice stands in the sent rows, -1 if dropped
  Vector<int> offsets;                   ///< [num_tokens + 1] choices of each token (Routing::offsets)
  Vector<int> grouped_position;          ///< device copy of rows.grouped_position; empty where rows arrive grouped by expert
  BlockRows block;                       ///< all_gather only
  std::vector<traffic::PeerRows> peers;  ///< of the ranks this one exchanges rows with
  std::int64_t num_tokens = 0;
  std::int64_t num_choices = 0;
  bool arrives_grouped() const { return grouped_position.size() == 0; }
};

}  // namespace moescope
