#include <limits>

#include "record/rows.hpp"

namespace moescope::record {

Rows derived_rows(RunFileSetup const& setup, StepReport const& report) {
  auto const routed = routed_counts(setup.config, report), processed = processed_counts(setup.config, report);
  auto const experts = std::size_t(setup.config.model.num_experts);
  std::vector<double> dropped;
  for (std::size_t l = 0; l * experts < routed.size(); ++l) {
    double before = 0, after = 0;
    for (std::size_t e = 0; e < experts; ++e) {
      before += double(routed[l * experts + e]);
      after += double(processed[l * experts + e]);
    }
    dropped.push_back((before - after) / before);
  }
  return {{"/derived/dropped_fraction", dropped}};
}

}  // namespace moescope::record
