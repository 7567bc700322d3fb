#pragma once
#include <nlohmann/json.hpp>

#include "record/stored_run.hpp"

namespace moescope::record {

/// Leading evaluations that both runs have completed after the same number of steps.
std::size_t common_evaluations(StoredRun const& a, StoredRun const& b);

/// Of two runs of the same computation, over what both have done. `decisions`: counts of choices, equal or not; `values`: losses
/// and gradient norms with the largest |a - b| / max(|a|, |b|), infinite where only one is a number. Both name the first step
/// (or the steps done before the first evaluation) that differs at all, null where none does.
nlohmann::ordered_json agreement(StoredRun const& a, StoredRun const& b);

}  // namespace moescope::record
