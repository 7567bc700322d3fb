#pragma once
#include <functional>
#include <span>

#include "traffic/exchange_spec.hpp"

namespace moescope::traffic {

/// One call of one exchange by one rank.
struct Call {
  std::size_t collective = 0;  ///< position on collectives(config, layout)
  Pass pass = Pass::forward;
  std::int64_t micro_step = -1, router = -1;              ///< -1 where it is of none
  std::int64_t payload_bytes = 0, messages = 0;           ///< as Volume has them
  std::span<std::int64_t const> send_rows, receive_rows;  ///< all_to_all: [group] to and from each member, itself included
};
using Visit = std::function<void(Call const&)>;

/// Every call of one rank's step, in the order in which it is executed. `counts` as for step_volumes().
void for_each_call(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank,
                   Visit const& visit);

/// The same of even_routing() without a table of all ranks: memory of the rank's groups alone.
void for_each_even_call(RunConfig const& config, Layout const& layout, std::int64_t rank, Visit const& visit);

}  // namespace moescope::traffic
