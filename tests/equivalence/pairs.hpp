#pragma once
#include <functional>
#include <string>
#include <vector>

#include "equivalence/cases.hpp"

namespace moescope::equivalence {

/// One option of a run and the values it is tried with.
struct Option {
  std::string name;
  struct Value {
    std::string name;
    std::function<void(RunConfig&)> apply;
  };
  std::vector<Value> values;
};

/// Every option but layout and dispatcher that changes what is computed, in the order in which values are applied.
std::vector<Option> const& options();

/// Whether the rules of a configuration allow two values of different options together.
bool allowed(std::size_t option, std::size_t value, std::size_t other_option, std::size_t other_value);

/// [cases][options] values such that every allowed pair of values of two options occurs in some case, and no other pair.
/// Greedy and deterministic: each case starts from a pair that is still missing and takes, option by option, the allowed value
/// that completes most missing pairs.
std::vector<std::vector<std::size_t>> covering_array();
Case make_case(std::vector<std::size_t> const& values);

}  // namespace moescope::equivalence
