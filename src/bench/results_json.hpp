#pragma once
#include <string>
#include <utility>
#include <vector>

#include "bench/result.hpp"

namespace moescope::bench {

using Provenance = std::vector<std::pair<std::string, std::string>>;

/// All tables, with the seconds of every iteration. Keys as in docs/definitions.md; null where there is no time.
std::string results_json(Plan const& plan, Layout const& layout, bool timed, Provenance const& provenance,
                         std::vector<Result> const& results);

}  // namespace moescope::bench
