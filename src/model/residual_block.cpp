#include "model/residual_block.hpp"

#include "kernels/permute.hpp"

namespace moescope {

namespace {

/// Every token visits every expert: rows by expert, then token.
template <class T>
void place_rows(ExecSpace const& exec, ResidualState<T>& state) {
  auto const& routing = state.gate.routing;
  auto const tokens = routing.num_tokens;
  state.token_of_row = make_vector<int>("model::residual_token_of_row", routing.num_choices);
  state.choice_of_row = make_vector<int>("model::residual_choice_of_row", routing.num_choices);
  state.row_of_choice = make_vector<int>("model::residual_row_of_choice", routing.num_choices);
  auto const offsets = routing.offsets, expert = routing.expert;
  auto const token_of_row = state.token_of_row, choice_of_row = state.choice_of_row, row_of_choice = state.row_of_choice;
  Kokkos::parallel_for(
      "model::place_residual_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens), KOKKOS_LAMBDA(std::int64_t const t) {
        for (int c = offsets(t); c < offsets(t + 1); ++c) {
          auto const row = expert(c) * tokens + t;
          token_of_row(row) = int(t);
          choice_of_row(row) = c;
          row_of_choice(c) = int(row);
        }
      });
  state.expert_offsets.clear();
  for (std::int64_t e = 0; e <= routing.num_experts; ++e) state.expert_offsets.push_back(e * tokens);
}

/// What the score of a choice is multiplied with; 0 where scores are not used.
double residual_score_scale(ModelConfig const& model, std::int64_t layer) {
  return model.residual.multiply_gate_scores ? model.residual.score_scale_factor[std::size_t(layer)] : 0.0;
}

template <class T>
void weigh_rows(ExecSpace const& exec, ModelConfig const& model, ResidualState<T>& state) {
  auto const row_weight = make_vector<T>("model::residual_row_weight", state.gate.routing.num_choices);
  auto const score = state.gate.routing.weight;
  auto const choice_of_row = state.choice_of_row;
  auto const scale = T(residual_score_scale(model, state.context.layer));
  bool const weighted = model.residual.multiply_gate_scores;
  Kokkos::parallel_for(
      "model::weigh_residual_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, row_weight.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const r) { row_weight(r) = weighted ? scale * score(choice_of_row(r)) : T(1); });
  state.row_weight = row_weight;
}

}  // namespace

template <class T>
void residual_forward(ExecSpace const& exec, ModelConfig const& model, Gate<T> const& gate, GateContext const& context,
                      ConstMatrix<T> x, BlockTensors<T> const& weights, ResidualState<T>& state, Matrix<T> y) {
  state.context = context;
  state.context.injected = nullptr;
  state.gate = gate.forward(exec, x, weights.residual_gate, state.context);
  place_rows<T>(exec, state);
  weigh_rows<T>(exec, model, state);
  state.rows = make_matrix<T>("model::residual_rows", state.gate.routing.num_choices, std::int64_t(x.extent(1)));
  kernels::gather_rows<T>(exec, x, state.token_of_row, state.rows);
  state.output = experts_forward<T>(exec, state.rows, state.expert_offsets, weights.residual_experts, state.experts);
  auto const weighted = make_matrix<T>("model::residual_weighted", state.output.extent(0), state.output.extent(1));
  Kokkos::deep_copy(exec, weighted, state.output);
  kernels::scale_rows<T>(exec, state.row_weight, weighted);
  kernels::sum_rows<T>(exec, weighted, state.gate.routing.offsets, state.row_of_choice, y);
}

template <class T>
void residual_backward(ExecSpace const& exec, ModelConfig const& model, Gate<T> const& gate, ConstMatrix<T> d_y, ConstMatrix<T> x,
                       BlockTensors<T> const& weights, ResidualState<T> const& state, BlockTensors<T> const& gradients,
                       Matrix<T> d_x) {
  auto const num_rows = state.gate.routing.num_choices;
  auto const d_rows = make_matrix<T>("model::residual_d_rows", num_rows, std::int64_t(d_y.extent(1)));
  kernels::gather_rows<T>(exec, d_y, state.token_of_row, d_rows);
  auto const d_row_weight = make_vector<T>("model::residual_d_row_weight", num_rows);
  kernels::row_dots<T>(exec, d_rows, state.output, d_row_weight);
  kernels::scale_rows<T>(exec, state.row_weight, d_rows);
  auto const d_inputs = experts_backward<T>(exec, d_rows, state.rows, state.expert_offsets, weights.residual_experts,
                                            state.experts, ExpertGradients::add, gradients.residual_experts);
  kernels::sum_rows<T>(exec, d_inputs, state.gate.routing.offsets, state.row_of_choice, d_x);

  auto const d_score = make_vector<T>("model::residual_d_score", num_rows);
  auto const row_of_choice = state.row_of_choice;
  auto const scale = T(residual_score_scale(model, state.context.layer));
  Kokkos::parallel_for(
      "model::residual_d_score", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_rows),
      KOKKOS_LAMBDA(std::int64_t const c) { d_score(c) = scale * d_row_weight(row_of_choice(c)); });
  gate.backward(exec, x, weights.residual_gate, state.context, state.gate, d_score, d_x, gradients.residual_gate);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                               \
  template void residual_forward<T>(ExecSpace const&, ModelConfig const&, Gate<T> const&, GateContext const&, ConstMatrix<T>, \
                                    BlockTensors<T> const&, ResidualState<T>&, Matrix<T>);                                    \
  template void residual_backward<T>(ExecSpace const&, ModelConfig const&, Gate<T> const&, ConstMatrix<T>, ConstMatrix<T>,    \
                                     BlockTensors<T> const&, ResidualState<T> const&, BlockTensors<T> const&, Matrix<T>);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
