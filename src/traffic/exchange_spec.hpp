#pragma once
#include <string_view>
#include <unordered_map>
#include <vector>

#include "traffic/traffic.hpp"

namespace moescope::traffic {

/// Which pass of a step an exchange belongs to. What ends a step (gradients and their norm) belongs to the backward pass.
enum class Pass { forward, backward };

/// A row of the tables of exchanges.
struct ExchangeSpec {
  std::string_view name;
  Axis axis;
  Operation operation;
  Pass pass = Pass::forward;
  /// Whether configuration and layout ask for it, beside passes and group size; null: always.
  bool (*needed)(RunConfig const& config, Layout const& layout) = nullptr;
};

/// The rows behind collectives(), in the same order.
std::vector<ExchangeSpec> executed_exchanges(RunConfig const& config, Layout const& layout, Passes passes);

/// The exchanges of a configuration's steps, to be found by their names.
struct StepExchanges {
  StepExchanges(RunConfig const& config, Layout const& layout);
  std::vector<ExchangeSpec> list;
  std::unordered_map<std::string_view, std::size_t> index;
};

}  // namespace moescope::traffic
