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

/// Bytes of the longest name; 1 where there is none.
std::size_t longest_name(Scale const& scale);

/// Every dimension scale of a run, by name, where its file has room for so many steps. `record.detail_every` is given.
std::map<std::string, Scale> scales(RunFileSetup const& setup, std::int64_t steps);

/// Distinct hosts in order of first appearance, and each rank's index among them.
struct Nodes {
  std::vector<std::string> hosts;
  std::vector<std::int64_t> of_rank;
};
Nodes nodes(std::vector<std::string> const& hosts);

/// Experts by slot: slot = rank * (most experts on a rank) + place, -1 where empty. [layers * slots]
std::vector<std::int64_t> placement(RunFileSetup const& setup);

}  // namespace moescope::record
