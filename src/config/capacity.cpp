#include "config/capacity.hpp"

#include <cmath>

#include "config/gate_kinds.hpp"

namespace moescope {

std::int64_t expert_capacity(ModelConfig const& model, std::int64_t tokens_in_pool) {
  double const share =
      model.capacity.factor * double(tokens_in_pool) * double(choices_per_token(model)) / double(model.num_experts);
  double const rounded = model.capacity.rounding == "up" ? std::ceil(share) : std::floor(share);
  return rounded < double(tokens_in_pool) ? std::int64_t(rounded) : tokens_in_pool;
}

bool pads(ModelConfig const& model) { return drops(model) && model.capacity.pad; }

std::int64_t rows_of_pool(ModelConfig const& model, std::int64_t tokens_in_pool) {
  return pads(model) ? expert_capacity(model, tokens_in_pool) * model.num_experts : tokens_in_pool * choices_per_token(model);
}

}  // namespace moescope
