#pragma once
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "traffic/router_shape.hpp"

namespace moescope::traffic {

/// Tokens that a rank owns in a micro-step, as positions in the step's global batch.
Range owned_positions(RunConfig const& config, Layout const& layout, std::int64_t micro_step, std::int64_t rank);

/// even_routing() rank after rank, each sum in O(1): choice c of a micro-step goes to expert c mod E. No table of all ranks;
/// what the ranks of an expert block share is made once for them.
class EvenRouting {
 public:
  EvenRouting(RunConfig const& config, Layout const& layout) : config_(config), layout_(layout) {}

  RouterShape shape(std::int64_t micro_step, std::int64_t rank);
  std::int64_t gathered(std::int64_t micro_step, std::int64_t rank);

 private:
  struct Block {
    ChoicesOf choices;
    std::shared_ptr<BlockShape const> shape;
    std::map<std::int64_t, std::int64_t> gathered;  ///< by ep coordinate
  };
  Block& block(std::int64_t micro_step, std::int64_t rank);

  RunConfig const& config_;
  Layout const& layout_;
  std::map<std::pair<std::int64_t, std::int64_t>, Block> blocks_;  ///< by the expert of the first choice and first member
};

}  // namespace moescope::traffic
