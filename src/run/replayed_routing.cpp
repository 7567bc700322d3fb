#include "run/replayed_routing.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/forced_workloads.hpp"
#include "files/sha256.hpp"
#include "record/recorded_routing.hpp"

namespace moescope {
namespace {

template <class Number>
std::string_view bytes(std::vector<Number> const& numbers) {
  return {reinterpret_cast<char const*>(numbers.data()), numbers.size() * sizeof(Number)};
}

std::string fingerprint(RecordedCounts const& recorded) {
  return sha256_hex(fmt::format("{} {}", recorded.steps, fmt::join(recorded.count, " ")));
}

std::string fingerprint(RecordedChoices const& recorded) {
  Sha256 hash;
  hash.update(bytes(recorded.offsets));
  hash.update(bytes(recorded.expert));
  return hash.hex();
}

template <class Recorded>
ReplayedRouting replayed(RunConfig const& config, std::string const& what, Recorded recorded) {
  auto hash = fingerprint(recorded);
  return {make_replayed_routing(config, std::move(recorded)), what, std::move(hash)};
}

}  // namespace

ReplayedRouting read_replayed_routing(RunConfig const& config) {
  auto const* workload = find_forced_workload(config.routing.forced);
  if (!workload || workload->replays == Replays::nothing) return {};
  return workload->replays == Replays::counts ? replayed(config, "counts", recorded_counts(config))
                                              : replayed(config, "choices", recorded_choices(config));
}

std::string fingerprint_of_inputs(std::string const& data_fingerprint, ReplayedRouting const& replayed) {
  return replayed.routing ? sha256_hex(data_fingerprint + replayed.fingerprint) : data_fingerprint;
}

}  // namespace moescope
