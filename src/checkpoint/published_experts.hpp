#pragma once
#include <vector>

#include "checkpoint/router_fixture.hpp"
#include "checkpoint/tensor_source.hpp"

namespace moescope {

/// The experts of a layer; none where the source does not hold them, or their form is not read.
std::vector<ExpertTensors> read_experts(TensorSource const& source, PublishedRouter const& router, std::int64_t layer);

}  // namespace moescope
