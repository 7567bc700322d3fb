#pragma once
#include "model/exchanges.hpp"
#include "model/micro_batch.hpp"
#include "model/parameters.hpp"

namespace moescope {

template <class T>
struct HeadState {
  Matrix<T> input;                         ///< [T,H] residual stream
  Matrix<T> normed;                        ///< [T,H]
  Vector<Accumulate<T>> inverse_rms;       ///< [T]
  Matrix<T> logits;                        ///< [T, local vocabulary]; backward overwrites it with its gradient
  Vector<Accumulate<T>> maximum, sum_exp;  ///< [T] over the whole vocabulary
};

/// Token embeddings [T,H]: each tp rank looks up its rows of the table, the ranks' parts are summed.
template <class T>
Matrix<T> embed_forward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                        MicroBatch const& batch, Matrix<T> const& embedding);
template <class T>
void embed_backward(ExecSpace const& exec, Mesh& mesh, ModelConfig const& model, MicroBatch const& batch, ConstMatrix<T> d_x,
                    Matrix<Accumulate<T>> const& d_embedding);

/// Final norm, vocabulary-parallel logits and cross-entropy. Returns the sum over this dp coordinate's counted tokens (nat),
/// equal on its tp ranks.
template <class T>
double head_forward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                    MicroBatch const& batch, Matrix<T> x, ModelTensors<T> const& weights, HeadState<T>& state);
/// Gradient of `scale` times that sum. Returns d_x [T,H].
template <class T>
Matrix<T> head_backward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                        MicroBatch const& batch, double scale, ModelTensors<T> const& weights, HeadState<T> const& state,
                        ModelTensors<Accumulate<T>> const& gradients);

}  // namespace moescope
