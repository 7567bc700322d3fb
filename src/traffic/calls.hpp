#pragma once
#include <functional>
#include <span>

#include "tensors/group_sizes.hpp"
#include "traffic/even_routing.hpp"
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

/// The same of even_routing(), rank after rank, without a table of all ranks: what ranks share is made once.
class EvenSteps {
 public:
  EvenSteps(RunConfig const& config, Layout const& layout)
      : config_(config), layout_(layout), exchanges_(config, layout), sizes_(config.model, layout), routing_(config, layout) {}
  void for_each_call(std::int64_t rank, Visit const& visit);
  std::vector<Volume> volumes(std::int64_t rank);  ///< step_volumes()

 private:
  RunConfig const& config_;
  Layout const& layout_;
  StepExchanges const exchanges_;
  GroupSizes sizes_;
  EvenRouting routing_;
};

}  // namespace moescope::traffic
