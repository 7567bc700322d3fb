#include "model/head.hpp"

#include "base/region.hpp"
#include "comm/exchange.hpp"
#include "kernels/cross_entropy.hpp"
#include "kernels/embedding.hpp"
#include "kernels/gemm.hpp"
#include "kernels/rms_norm.hpp"

namespace moescope {

namespace {

/// The tokens with `pad` replaced by one outside every vocabulary range.
ConstVector<int> without_padding(ExecSpace const& exec, ConstVector<int> tokens, std::int64_t pad) {
  if (pad < 0) return tokens;
  auto const counted = make_vector<int>("model::tokens_without_padding", std::int64_t(tokens.extent(0)));
  Kokkos::parallel_for(
      "model::without_padding", Kokkos::RangePolicy<ExecSpace>(exec, 0, tokens.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const t) { counted(t) = tokens(t) == pad ? -1 : tokens(t); });
  return counted;
}

}  // namespace

template <class T>
Matrix<T> embed_forward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                        MicroBatch const& batch, Matrix<T> const& embedding) {
  Region const region(Phase::embedding);
  auto const x = make_matrix<T>("model::embedded", batch.num_tokens(), model.hidden_size);
  kernels::embed<T>(exec, batch.tokens, mesh.layout().vocabulary(model, mesh.rank()), embedding, x);
  start_all_reduce<T>(exec, mesh, exchanges.embedding, Reduction::sum, x).wait();
  return x;
}

template <class T>
void embed_backward(ExecSpace const& exec, Mesh& mesh, ModelConfig const& model, MicroBatch const& batch, ConstMatrix<T> d_x,
                    Matrix<Accumulate<T>> const& d_embedding) {
  Region const region(Phase::embedding);
  kernels::embed_backward<T>(exec, without_padding(exec, batch.tokens, model.pad_token_id),
                             mesh.layout().vocabulary(model, mesh.rank()), d_x, d_embedding);
}

template <class T>
double head_forward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                    MicroBatch const& batch, Matrix<T> x, ModelTensors<T> const& weights, HeadState<T>& state) {
  using A = Accumulate<T>;
  Region const region(Phase::head);
  auto const tokens = batch.num_tokens();
  auto const vocabulary = mesh.layout().vocabulary(model, mesh.rank());
  state.input = x;
  state.normed = make_matrix<T>("model::final_normed", tokens, model.hidden_size);
  state.inverse_rms = make_vector<A>("model::final_inverse_rms", tokens);
  state.logits = make_matrix<T>("model::logits", tokens, vocabulary.size());
  kernels::rms_norm<T>(exec, x, weights.final_norm, model.rms_norm_eps, state.normed, state.inverse_rms);
  kernels::linear<T>(exec, state.normed, weights.head, state.logits);

  state.maximum = make_vector<A>("model::logit_maximum", tokens);
  kernels::cross_entropy_maximum<T>(exec, state.logits, state.maximum);
  start_all_reduce<A>(exec, mesh, exchanges.loss_maximum, Reduction::max, state.maximum).wait();
  auto const sums = make_vector<A>("model::loss_sums", 2 * tokens);
  state.sum_exp = Kokkos::subview(sums, Kokkos::make_pair(std::int64_t{0}, tokens));
  Vector<A> const target_logit = Kokkos::subview(sums, Kokkos::make_pair(tokens, 2 * tokens));
  kernels::cross_entropy_partial<T>(exec, state.logits, batch.targets, vocabulary, state.maximum, state.sum_exp, target_logit);
  start_all_reduce<A>(exec, mesh, exchanges.loss_sums, Reduction::sum, sums).wait();
  return kernels::cross_entropy_finish<T>(exec, batch.targets, state.maximum, state.sum_exp, target_logit);
}

template <class T>
Matrix<T> head_backward(ExecSpace const& exec, Mesh& mesh, ModelExchanges const& exchanges, ModelConfig const& model,
                        MicroBatch const& batch, double scale, ModelTensors<T> const& weights, HeadState<T> const& state,
                        ModelTensors<Accumulate<T>> const& gradients) {
  Region const region(Phase::head);
  auto const vocabulary = mesh.layout().vocabulary(model, mesh.rank());
  kernels::cross_entropy_backward<T>(exec, batch.targets, vocabulary, state.maximum, state.sum_exp, Accumulate<T>(scale),
                                     state.logits);
  kernels::linear_backward_weight<T>(exec, state.logits, state.normed, gradients.head);
  auto const d_normed = make_matrix<T>("model::d_final_normed", batch.num_tokens(), model.hidden_size);
  kernels::linear_backward_input<T>(exec, state.logits, weights.head, 0, d_normed);
  start_all_reduce<T>(exec, mesh, exchanges.head_backward, Reduction::sum, d_normed).wait();
  auto const d_x = make_matrix<T>("model::d_x", batch.num_tokens(), model.hidden_size);
  kernels::rms_norm_backward<T>(exec, d_normed, state.input, weights.final_norm, state.inverse_rms, 0, d_x, gradients.final_norm);
  return d_x;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                              \
  template Matrix<T> embed_forward<T>(ExecSpace const&, Mesh&, ModelExchanges const&, ModelConfig const&, MicroBatch const&, \
                                      Matrix<T> const&);                                                                     \
  template void embed_backward<T>(ExecSpace const&, Mesh&, ModelConfig const&, MicroBatch const&, ConstMatrix<T>,            \
                                  Matrix<Accumulate<T>> const&);                                                             \
  template double head_forward<T>(ExecSpace const&, Mesh&, ModelExchanges const&, ModelConfig const&, MicroBatch const&,     \
                                  Matrix<T>, ModelTensors<T> const&, HeadState<T>&);                                         \
  template Matrix<T> head_backward<T>(ExecSpace const&, Mesh&, ModelExchanges const&, ModelConfig const&, MicroBatch const&, \
                                      double, ModelTensors<T> const&, HeadState<T> const&, ModelTensors<Accumulate<T>> const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
