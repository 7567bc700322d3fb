#include "tensors/parameter_counts.hpp"

#include <numeric>

#include "config/gate_kinds.hpp"

namespace moescope {
namespace {

/// elements * k / E: a whole number and what is left of E, so that no digit of a large count is lost.
struct Chosen {
  std::int64_t whole;
  double rest;
};

Chosen chosen_experts(ModelConfig const& model, std::int64_t elements) {
  auto const choices = choices_per_token(model), experts = model.num_experts;
  auto const left = elements % experts * choices;
  return {elements / experts * choices + left / experts, double(left % experts) / double(experts)};
}

}  // namespace

PartElements::PartElements(ModelConfig const& model) {
  for_each_tensor(model, Layout({}, 1), 0, [&](Tensor const& tensor, TensorName const&) {
    if (tensor_groups[tensor.group].trained) elements_[std::size_t(tensor.part)] += tensor.size();
  });
}

std::int64_t PartElements::total() const { return std::reduce(elements_.begin(), elements_.end()); }

double chosen_expert_elements(ModelConfig const& model, PartElements const& elements) {
  auto const chosen = chosen_experts(model, elements[Part::expert]);
  return double(chosen.whole) + chosen.rest;
}

ParameterCounts parameter_counts(ModelConfig const& model, PartElements const& elements) {
  auto const total = elements.total();
  auto const chosen = chosen_experts(model, elements[Part::expert]);
  return {total, double(total - elements[Part::gate_noise] - elements[Part::expert] + chosen.whole) + chosen.rest};
}

}  // namespace moescope
