#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "record/run_file.hpp"

namespace moescope::record {

/// Coordinates of one dimension: numbers, or names where there are any.
struct Scale {
  std::vector<std::int64_t> numbers;
  std::vector<std::string> names;
  std::size_t size() const { return numbers.size() + names.size(); }
};

/// Every dimension scale of a run, by name.
std::map<std::string, Scale> scales(RunFileSetup const& setup);

/// Distinct hosts in order of first appearance, and each rank's index among them.
struct Nodes {
  std::vector<std::string> hosts;
  std::vector<std::int64_t> of_rank;
};
Nodes nodes(std::vector<std::string> const& hosts);

/// Steps whose per-source-rank arrays are stored: 0, detail_every, 2 detail_every, ...
std::int64_t detail_every(RunConfig const& config);

/// Experts by slot: slot = rank * (most experts on a rank) + place, -1 where empty. [layers * slots]
std::vector<std::int64_t> placement(RunFileSetup const& setup);

}  // namespace moescope::record
