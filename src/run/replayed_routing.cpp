#include "run/replayed_routing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/forced_workloads.hpp"
#include "files/sha256.hpp"
#include "record/recorded_counts.hpp"

namespace moescope {

ReplayedRouting read_replayed_routing(RunConfig const& config) {
  auto const* workload = find_forced_workload(config.routing.forced);
  if (!workload || !workload->from_file) return {};
  auto recorded = recorded_counts(config);
  auto fingerprint = sha256_hex(fmt::format("{} {}", recorded.steps, fmt::join(recorded.count, " ")));
  return {make_replayed_routing(config, std::move(recorded)), std::move(fingerprint)};
}

std::string fingerprint_of_inputs(std::string const& data_fingerprint, ReplayedRouting const& replayed) {
  return replayed.routing ? sha256_hex(data_fingerprint + replayed.fingerprint) : data_fingerprint;
}

}  // namespace moescope
