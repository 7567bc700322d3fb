#pragma once
#include "support/temporary_folder.hpp"

namespace moescope::testing {

/// A zone as the kernel shows it, all zones side by side; at the end of its range it begins again at 0.
inline void write_zone(TemporaryFolder const& tree, std::string const& zone, std::string const& name, std::int64_t microjoules,
                       std::int64_t range = 262143328850) {
  tree.write(zone + "/name", name + "\n");
  tree.write(zone + "/max_energy_range_uj", std::to_string(range) + "\n");
  tree.write(zone + "/energy_uj", std::to_string(microjoules) + "\n");
}

}  // namespace moescope::testing
