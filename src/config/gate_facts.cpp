#include "config/gate_facts.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace moescope {

GateFacts const& gate_facts(ModelConfig const& model) {
  auto const found = std::find_if(all_gate_facts.begin(), all_gate_facts.end(),
                                  [&](GateFacts const& facts) { return facts.kind == model.gate.kind; });
  MOESCOPE_CHECK(found != all_gate_facts.end());
  return *found;
}

std::int64_t gate_parameters(ModelConfig const& model) {
  auto const& facts = gate_facts(model);
  auto const experts = model.num_experts, matrix = experts * model.hidden_size;
  auto const network = matrix + (model.gate.network == "mlp" ? experts * experts : 0);
  return (facts.has_network ? network : 0) + (facts.has_noise_matrix && model.gate.add_noise ? matrix : 0);
}

}  // namespace moescope
