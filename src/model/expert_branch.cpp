#include "model/expert_branch.hpp"

#include "base/region.hpp"
#include "config/gate_kinds.hpp"
#include "kernels/permute.hpp"
#include "model/dropped_tokens.hpp"
#include "model/weighted_inputs.hpp"

namespace moescope {
namespace {

/// What the expert's output of each choice is multiplied with: its score times `scale`, or 1 where scores do not weigh. [choices]
template <class T>
Vector<Accumulate<T>> choice_weights(ExecSpace const& exec, std::optional<Accumulate<T>> scale,
                                     ConstVector<Accumulate<T>> score) {
  using A = Accumulate<T>;
  auto const weight = make_vector<A>("model::choice_weight", score.extent(0));
  bool const weighs = scale.has_value();
  auto const factor = scale.value_or(A(1));
  Kokkos::parallel_for(
      "model::choice_weights", Kokkos::RangePolicy<ExecSpace>(exec, 0, score.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const c) { weight(c) = weighs ? factor * score(c) : A(1); });
  return weight;
}

}  // namespace

template <class T>
ExpertBranch<T> ExpertBranch<T>::routed(ModelConfig const& model, std::string const& dispatcher, Mesh& mesh) {
  ExpertBranch branch;
  branch.router_ = std::make_unique<Router<T>>(model);
  branch.dispatcher_ = make_dispatcher<T>(dispatcher, mesh, model);
  branch.dropped_pass_ = model.capacity.dropped == "input";
  branch.weight_at_input_ = weight_at(model) == "input";
  bool const replaced = model.add_weight_norm && !gate_kind(model).score_scale_beside_output_scale;
  if (model.multiply_gate_scores)
    branch.score_scale_ = replaced ? std::vector(std::size_t(model.num_layers), 1.0) : model.score_scale_factor;
  return branch;
}

template <class T>
ExpertBranch<T> ExpertBranch<T>::residual(ModelConfig const& model) {
  ExpertBranch branch;
  branch.router_ = std::make_unique<Router<T>>(residual_gate_model(model));
  branch.dispatcher_ = make_home<T>();
  if (model.residual.multiply_gate_scores) branch.score_scale_ = model.residual.score_scale_factor;
  return branch;
}

template <class T>
std::optional<Accumulate<T>> ExpertBranch<T>::scale_of(std::int64_t layer) const {
  return score_scale_.empty() ? std::nullopt : std::optional(Accumulate<T>(score_scale_[std::size_t(layer)]));
}

template <class T>
Matrix<T> ExpertBranch<T>::forward(ExecSpace const& exec, GateContext const& context, Matrix<T> const& x,
                                   BranchTensors<T> const& weights, BranchState<T>& state) const {
  state.x = x;
  state.context = context;
  {
    Region const region(Phase::gate);
    state.router = router_->forward(exec, x, weights.gate, context);
    state.weight = choice_weights<T>(exec, scale_of(context.layer), state.router.weight);
  }
  {
    Region const region(Phase::dispatch);
    state.plan = dispatcher_->plan(exec, state.router.routing);
    auto const arrived = dispatcher_->dispatch(exec, state.plan, {x, state.weight});
    state.input = {arrived.rows, arrived.weight, state.plan.rows.expert_offsets};
    if (weight_at_input_) state.arrived = arrived;
  }
  Matrix<T> output;
  {
    Region const region(Phase::experts);
    if (weight_at_input_) state.input = weigh_inputs<T>(exec, state.arrived, state.input.offsets);
    output = experts_forward<T>(exec, state.input, weights.experts, state.experts);
  }
  Region const region(Phase::combine);
  auto const y = dispatcher_->combine(exec, state.plan, output);
  if (dropped_pass_) add_dropped_inputs<T>(exec, state.router.routing, state.weight, x, y);
  return y;
}

template <class T>
Matrix<T> ExpertBranch<T>::backward(ExecSpace const& exec, Matrix<T> const& d_y, BranchTensors<T> const& weights,
                                    BranchState<T> const& state, ExpertGradients how,
                                    BranchTensors<Accumulate<T>> const& gradients) const {
  Matrix<T> d_rows;
  {
    Region const region(Phase::combine);
    d_rows = dispatcher_->combine_backward(exec, state.plan, d_y);
  }
  ExpertsInputGradient<T> d_input;
  {
    Region const region(Phase::experts);
    d_input = experts_backward<T>(exec, d_rows, state.input, weights.experts, state.experts, how, gradients.experts);
    if (weight_at_input_) weigh_inputs_backward<T>(exec, state.arrived, d_input);
    d_rows = {};
  }
  WeightedRows<T> d_x;
  {
    Region const region(Phase::dispatch);
    d_x = dispatcher_->dispatch_backward(exec, state.plan, {d_input.rows, d_input.weight});
    if (dropped_pass_)
      add_dropped_inputs_backward<T>(exec, state.router.routing, state.weight, d_y, state.x, d_x.rows, d_x.weight);
  }
  Region const region(Phase::gate);
  auto const d_weight = d_x.weight;
  auto const scale = scale_of(state.context.layer).value_or(0);
  Kokkos::parallel_for(
      "model::d_score", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_weight.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const c) { d_weight(c) *= scale; });
  router_->backward(exec, state.x, weights.gate, state.context, state.router, d_weight, d_x.rows, gradients.gate);
  return d_x.rows;
}

#define MOESCOPE_INSTANTIATE(T) template class ExpertBranch<T>;
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
