#pragma once
#include "gates/gate.hpp"
#include "layers/experts.hpp"
#include "model/parameters.hpp"

namespace moescope {

/// What the residual block's backward consumes. Rows are grouped by expert: row e * O + t is token t at expert e.
template <class T>
struct ResidualState {
  GateContext context;
  GateResult<T> gate;
  Vector<int> token_of_row, choice_of_row;  ///< [R*O]
  Vector<int> row_of_choice;                ///< [R*O] inverse of choice_of_row
  std::vector<std::int64_t> expert_offsets;
  Matrix<T> rows;        ///< [R*O,H]
  Vector<T> row_weight;  ///< [R*O]
  ExpertsActivations<T> experts;
  Matrix<T> output;  ///< [R*O,H] before weighting
};

/// The residual block of LLaMA-MoE's residual variant (smoe/models/llama_moe_residual): y += sum over its experts of
/// score * score_scale_factor * expert(x), scores by a linear learnable gate over all of them. x, y [O,H] are owned tokens.
/// Needs no exchange: every rank holds the whole block.
template <class T>
void residual_forward(ExecSpace const& exec, ModelConfig const& model, Gate<T> const& gate, GateContext const& context,
                      ConstMatrix<T> x, BlockTensors<T> const& weights, ResidualState<T>& state, Matrix<T> y);
/// d_y [O,H]; adds to d_x [O,H] and to the gradients.
template <class T>
void residual_backward(ExecSpace const& exec, ModelConfig const& model, Gate<T> const& gate, ConstMatrix<T> d_y, ConstMatrix<T> x,
                       BlockTensors<T> const& weights, ResidualState<T> const& state, BlockTensors<T> const& gradients,
                       Matrix<T> d_x);

}  // namespace moescope
