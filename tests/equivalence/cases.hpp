#pragma once
#include <string>
#include <vector>

#include "config/run_config.hpp"
#include "step/micro_batches.hpp"

namespace moescope::equivalence {

/// A small model and batch with something awkward about it. Double, constant learning rate.
struct Case {
  std::string name;
  RunConfig config;
};
std::vector<Case> cases();
/// The options that most cases share; two layers of five equal experts.
RunConfig base_config();

/// Synthetic token stream of a case: pseudo-random ids; every fifth sequence has only three labels, every seventh none, and
/// the last position of a sequence never has one.
BatchSource synthetic_source(RunConfig const& config);

/// Every (tp, ep, etp) whose products divide `ranks` and that can hold the model.
std::vector<LayoutConfig> layouts(ModelConfig const& model, std::int64_t ranks);
/// These in each order of the ranks that puts some rank elsewhere than the default one does.
std::vector<LayoutConfig> in_other_orders(ModelConfig const& model, std::int64_t ranks);
std::string describe(LayoutConfig const& layout);

}  // namespace moescope::equivalence
