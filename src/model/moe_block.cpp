#include "base/region.hpp"
#include "comm/exchange.hpp"
#include "config/gate_kinds.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "model/block.hpp"
#include "model/dropped_tokens.hpp"

namespace moescope {

namespace {

/// What a gate's score is multiplied with: score_scale_factor, or 1 where the learnable output scale stands in for it.
double score_scale(ModelConfig const& model, std::int64_t layer) {
  bool const replaced = model.add_weight_norm && !gate_kind(model).score_scale_beside_output_scale;
  return replaced ? 1.0 : model.score_scale_factor[std::size_t(layer)];
}

template <class T>
Vector<T> choice_weights(ExecSpace const& exec, ModelConfig const& model, std::int64_t layer, Routing<T> const& routing) {
  auto const weight = make_vector<T>("model::choice_weight", routing.num_choices);
  if (!model.multiply_gate_scores) {
    Kokkos::deep_copy(exec, weight, T(1));
    return weight;
  }
  auto const scale = T(score_scale(model, layer));
  auto const score = routing.weight;
  Kokkos::parallel_for(
      "model::choice_weights", Kokkos::RangePolicy<ExecSpace>(exec, 0, routing.num_choices),
      KOKKOS_LAMBDA(std::int64_t const c) { weight(c) = scale * score(c); });
  return weight;
}

GateContext gate_context(PassContext const& pass, MicroBatch const& batch, std::int64_t layer, std::int64_t first_owned,
                         MeshPool& pool) {
  GateContext context;
  context.training = pass.training;
  context.seed = pass.seed;
  context.step = pass.step;
  context.layer = layer;
  context.first_token_id = batch.first_token_id + first_owned;
  context.first_token_in_pool = batch.first_token_in_pool + first_owned;
  context.pool_shape = batch.pool_shape;
  context.pool = &pool;
  if (!pass.injected.empty()) context.injected = &pass.injected[std::size_t(layer)];
  return context;
}

/// Rows owned by each tp rank of a micro-batch. [tp]
std::vector<std::int64_t> owned_rows(Layout const& layout, std::int64_t tokens) {
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < layout.size(Axis::tp); ++i) counts.push_back(split(tokens, layout.size(Axis::tp), i).size());
  return counts;
}

template <class T>
void experts_and_combine(ExecSpace const& exec, BlockServices<T>& services, BlockTensors<T> const& weights, MoeState<T>& state) {
  auto& dispatcher = *services.dispatcher;
  {
    Region const region(Phase::dispatch);
    state.plan = dispatcher.plan(exec, state.gate.routing);
    state.rows = dispatcher.run(exec, state.plan, state.normed, false);
    state.row_weight = dispatcher.run_weights(exec, state.plan, state.weight);
  }
  Matrix<T> weighted;
  {
    Region const region(Phase::experts);
    state.expert_output = experts_forward<T>(exec, state.rows, state.plan.rows.expert_offsets, weights.experts, state.experts);
    weighted = make_matrix<T>("model::weighted_rows", state.expert_output.extent(0), state.expert_output.extent(1));
    Kokkos::deep_copy(exec, weighted, state.expert_output);
    kernels::scale_rows<T>(exec, state.row_weight, weighted);
  }
  Region const region(Phase::combine);
  state.combined = dispatcher.run_adjoint(exec, state.plan, weighted, false);
  if (services.model.dropped_padding == "input") {
    add_dropped_inputs<T>(exec, state.gate.routing, state.weight, state.normed, state.combined);
  }
}

/// Adds the residual experts' outputs to `combined`.
template <class T>
void add_residual(ExecSpace const& exec, BlockServices<T>& services, BlockTensors<T> const& weights, MoeState<T>& state) {
  if (!services.residual_gate) return;
  Region const region(Phase::experts);
  residual_forward<T>(exec, services.model, *services.residual_gate, state.context, state.normed, weights, state.residual,
                      state.combined);
}

}  // namespace

template <class T>
Matrix<T> moe_block_forward(ExecSpace const& exec, BlockServices<T>& services, MicroBatch const& batch, PassContext const& pass,
                            std::int64_t layer, Matrix<T> x, BlockTensors<T> const& weights, MoeState<T>& state) {
  auto& mesh = *services.mesh;
  auto const hidden = std::int64_t(x.extent(1));
  auto const owned = mesh.layout().owned_tokens(batch.num_tokens(), mesh.rank());
  state.input = rows(x, owned.begin, owned.end);
  state.normed = make_matrix<T>("model::ffn_normed", owned.size(), hidden);
  state.inverse_rms = make_vector<T>("model::ffn_inverse_rms", owned.size());
  {
    Region const region(Phase::gate);
    kernels::rms_norm<T>(exec, state.input, weights.ffn_norm, services.model.rms_norm_eps, state.normed, state.inverse_rms);
    state.context = gate_context(pass, batch, layer, owned.begin, *services.pool);
    state.gate = services.gate->forward(exec, state.normed, weights.gate, state.context);
    state.weight = choice_weights<T>(exec, services.model, layer, state.gate.routing);
  }
  experts_and_combine<T>(exec, services, weights, state);
  add_residual<T>(exec, services, weights, state);

  Region const region(Phase::combine);
  auto scaled = state.combined;
  if (weights.output_scale.size() > 0) {
    scaled = make_matrix<T>("model::scaled", owned.size(), hidden);
    kernels::scale_columns<T>(exec, state.combined, weights.output_scale, scaled);
  }
  auto const y = make_matrix<T>("model::block_output", batch.num_tokens(), hidden);
  start_all_gather<T>(exec, mesh, services.exchanges.block_forward, scaled, owned_rows(mesh.layout(), batch.num_tokens()), y)
      .wait();
  kernels::add<T>(exec, T(1), x, y);
  return y;
}

namespace {

/// d_combined [O,H] -> gradients of experts, d_weight [choices]; adds the branch's part to d_normed [O,H].
template <class T>
Vector<T> experts_backward_part(ExecSpace const& exec, BlockServices<T>& services, BlockTensors<T> const& weights,
                                MoeState<T> const& state, ExpertGradients how, BlockTensors<T> const& gradients,
                                ConstMatrix<T> d_combined, Matrix<T> d_normed) {
  auto& dispatcher = *services.dispatcher;
  Matrix<T> d_rows;
  Vector<T> d_row_weight = make_vector<T>("model::d_row_weight", state.rows.extent(0)), d_weight;
  {
    Region const region(Phase::combine);
    d_rows = dispatcher.run(exec, state.plan, d_combined, true);
    kernels::row_dots<T>(exec, d_rows, state.expert_output, d_row_weight);
    kernels::scale_rows<T>(exec, state.row_weight, d_rows);
  }
  {
    Region const region(Phase::experts);
    d_rows = experts_backward<T>(exec, d_rows, state.rows, state.plan.rows.expert_offsets, weights.experts, state.experts, how,
                                 gradients.experts);
  }
  Region const region(Phase::dispatch);
  d_weight = dispatcher.run_weights_adjoint(exec, state.plan, d_row_weight);
  kernels::add<T>(exec, T(1), dispatcher.run_adjoint(exec, state.plan, d_rows, true), d_normed);
  if (services.model.dropped_padding == "input") {
    add_dropped_inputs_backward<T>(exec, state.gate.routing, state.weight, d_combined, state.normed, d_normed, d_weight);
  }
  return d_weight;
}

}  // namespace

template <class T>
void moe_block_backward(ExecSpace const& exec, BlockServices<T>& services, MicroBatch const& batch, std::int64_t layer,
                        BlockTensors<T> const& weights, MoeState<T> const& state, ExpertGradients how,
                        BlockTensors<T> const& gradients, Matrix<T> d_x) {
  auto& mesh = *services.mesh;
  auto const owned = mesh.layout().owned_tokens(batch.num_tokens(), mesh.rank());
  auto const hidden = std::int64_t(d_x.extent(1));
  Matrix<T> d_combined = rows(d_x, owned.begin, owned.end);
  if (weights.output_scale.size() > 0) {
    Region const region(Phase::combine);
    auto const d_scaled = d_combined;
    d_combined = make_matrix<T>("model::d_combined", owned.size(), hidden);
    kernels::scale_columns_backward<T>(exec, d_scaled, state.combined, weights.output_scale, d_combined, gradients.output_scale);
  }
  Matrix<T> const d_normed("model::d_ffn_normed", owned.size(), hidden);
  auto const d_weight = experts_backward_part<T>(exec, services, weights, state, how, gradients, d_combined, d_normed);
  if (services.residual_gate) {
    Region const region(Phase::experts);
    residual_backward<T>(exec, services.model, *services.residual_gate, d_combined, state.normed, weights, state.residual,
                         gradients, d_normed);
  }

  Matrix<T> const d_input("model::d_ffn_input", owned.size(), hidden);
  {
    Region const region(Phase::gate);
    auto const scale = services.model.multiply_gate_scores ? T(score_scale(services.model, layer)) : T(0);
    Kokkos::parallel_for(
        "model::d_score", Kokkos::RangePolicy<ExecSpace>(exec, 0, d_weight.extent(0)),
        KOKKOS_LAMBDA(std::int64_t const c) { d_weight(c) *= scale; });
    services.gate->backward(exec, state.normed, weights.gate, state.context, state.gate, d_weight, d_normed, gradients.gate);
    kernels::rms_norm_backward<T>(exec, d_normed, state.input, weights.ffn_norm, state.inverse_rms, d_input, gradients.ffn_norm);
  }
  Region const region(Phase::dispatch);
  auto const d_branch = make_matrix<T>("model::d_branch", batch.num_tokens(), hidden);
  start_all_gather<T>(exec, mesh, services.exchanges.block_backward, d_input, owned_rows(mesh.layout(), batch.num_tokens()),
                      d_branch)
      .wait();
  kernels::add<T>(exec, T(1), d_branch, d_x);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                            \
  template Matrix<T> moe_block_forward<T>(ExecSpace const&, BlockServices<T>&, MicroBatch const&, PassContext const&,      \
                                          std::int64_t, Matrix<T>, BlockTensors<T> const&, MoeState<T>&);                  \
  template void moe_block_backward<T>(ExecSpace const&, BlockServices<T>&, MicroBatch const&, std::int64_t,                \
                                      BlockTensors<T> const&, MoeState<T> const&, ExpertGradients, BlockTensors<T> const&, \
                                      Matrix<T>);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
