#pragma once
#include "config/run_config.hpp"
#include "model/model.hpp"
#include "step/step_report.hpp"

namespace moescope {

/// What the gates and plans of one micro-step decided, kept until there is time to count it.
struct RoutingRecord {
  struct Layer {
    Vector<int> offsets, expert, kept;         ///< as in Routing
    std::vector<std::int64_t> expert_offsets;  ///< as in RowPlan
    std::vector<traffic::PeerRows> peers;
    std::vector<double> pool_means;  ///< as in Routing
    std::vector<std::int64_t> pads;  ///< likewise
  };
  std::vector<Layer> layers;
};

template <class T>
RoutingRecord record_routing(Activations<T> const& activations);

/// Adds a micro-step to a rank's report: choices before and after dropping, rows computed, bytes to each peer. `report` has its
/// vectors sized.
void count_routing(ExecSpace const& exec, RoutingRecord const& record, RunConfig const& config, std::int64_t micro_step,
                   RankReport& report);

/// Adds the rows that this rank computes of each expert in one micro-step, and those it exchanges with other ranks before.
/// `mine`: the experts it holds.
void count_rows(RoutingRecord const& record, Range mine, std::int64_t rank, RankReport& report);

/// Adds a micro-step to pairs [L,E,E]: how often both experts were chosen for one token, before dropping; the diagonal is how
/// often each was.
void count_pairs(ExecSpace const& exec, RoutingRecord const& record, std::int64_t experts, std::vector<std::int64_t>& pairs);

/// A report with every vector sized and zero.
RankReport empty_rank_report(RunConfig const& config, Mesh& mesh);

}  // namespace moescope
