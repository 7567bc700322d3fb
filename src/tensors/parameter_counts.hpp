#pragma once
#include <array>
#include <cstdint>

#include "config/model_config.hpp"
#include "tensors/tensor.hpp"

namespace moescope {

/// Elements of all trained tensors of a model, by part. Tied, the embedding is also the head's matrix, and `head` is 0.
class PartElements {
 public:
  explicit PartElements(ModelConfig const& model);
  std::int64_t operator[](Part part) const { return elements_[std::size_t(part)]; }
  std::int64_t total() const;

 private:
  std::array<std::int64_t, num_parts> elements_{};
};

/// Number of parameters: all that are trained, and those that one token uses (embedding table, head, norms, attention, gate
/// network, output scale, residual experts, and k of E experts of mean width) without the gate's noise matrix, which evaluation
/// does not use. `active` is the count that LLaMA-MoE publishes as activated: 3,494,129,664 for 3.5B (4/16). It is a fraction
/// where k times the sum of the widths is not a multiple of E.
struct ParameterCounts {
  std::int64_t total = 0;
  double active = 0;
};
ParameterCounts parameter_counts(ModelConfig const& model, PartElements const& elements);
inline ParameterCounts parameter_counts(ModelConfig const& model) { return parameter_counts(model, PartElements(model)); }

/// Of the routed experts, what one token uses: k / E of their elements.
double chosen_expert_elements(ModelConfig const& model, PartElements const& elements);

}  // namespace moescope
