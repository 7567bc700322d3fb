#include "base/region.hpp"
#include "comm/exchange.hpp"
#include "kernels/permute.hpp"
#include "kernels/rms_norm.hpp"
#include "model/block.hpp"

namespace moescope {

namespace {

GateContext gate_context(Pass const& pass, std::int64_t layer, Range owned, std::vector<Pool> const& pools) {
  auto const& batch = *pass.batch;
  GateContext context;
  context.training = pass.training;
  context.seed = pass.seed;
  context.step = pass.step;
  context.layer = layer;
  context.tokens = batch.ids.rows(owned.begin, owned.end);
  context.words = Kokkos::subview(batch.tokens, Kokkos::make_pair(owned.begin, owned.end));
  context.pools = pools;
  context.forced = pass.forced;
  if (!pass.injected.empty()) context.injected = &pass.injected[std::size_t(layer)];
  return context;
}

/// Of the residual block, whose gate takes all its experts.
GateContext of_residual(GateContext context) {
  context.injected = nullptr;
  context.forced = nullptr;
  return context;
}

/// own [O,H] of each tp rank, which together are the tokens -> all [T,H].
template <class T>
void gather_tokens(ExecSpace const& exec, Mesh& mesh, ExchangeId const& exchange, Matrix<T> const& own, Matrix<T> const& all) {
  auto const ranks = mesh.layout().size(Axis::tp), tokens = std::int64_t(all.extent(0));
  std::vector<std::int64_t> counts;
  for (std::int64_t i = 0; i < ranks; ++i) counts.push_back(split(tokens, ranks, i).size());
  start_all_gather<T>(exec, mesh, exchange, own, counts, all).wait();
}

}  // namespace

template <class T>
Matrix<T> moe_block_forward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, Matrix<T> x,
                            BlockTensors<T> const& weights, MoeState<T>& state) {
  auto& mesh = *services.mesh;
  auto const tokens = std::int64_t(x.extent(0)), hidden = std::int64_t(x.extent(1));
  auto const owned = mesh.layout().owned_tokens(tokens, mesh.rank());
  auto const context = gate_context(pass, weights.layer, owned, services.pools);
  state.input = rows(x, owned.begin, owned.end);
  state.normed = make_matrix<T>("model::ffn_normed", owned.size(), hidden);
  state.inverse_rms = make_vector<Accumulate<T>>("model::ffn_inverse_rms", owned.size());
  {
    Region const region(Phase::gate);
    kernels::rms_norm<T>(exec, state.input, weights.ffn_norm, services.model.rms_norm_eps, state.normed, state.inverse_rms);
  }
  auto y = services.routed.forward(exec, context, state.normed, weights.routed, state.routed);
  if (services.residual) {
    auto const added = services.residual->forward(exec, of_residual(context), state.normed, weights.residual, state.residual);
    kernels::add<T>(exec, 1, added, y);
  }

  Region const region(Phase::combine);
  if (weights.output_scale.size() > 0) {
    state.combined = y;
    y = make_matrix<T>("model::scaled", owned.size(), hidden);
    kernels::scale_columns<T>(exec, state.combined, weights.output_scale, y);
  }
  kernels::add<T>(exec, 1, state.input, y);
  if (mesh.group(Axis::tp).size() == 1) return y;
  auto const all = make_matrix<T>("model::block_output", tokens, hidden);
  gather_tokens<T>(exec, mesh, services.exchanges.block_forward, y, all);
  return all;
}

namespace {

/// Gradient of the norm's output [O,H], from that of both branches' sum.
template <class T>
Matrix<T> branches_backward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, BlockTensors<T> const& weights,
                            MoeState<T> const& state, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> const& d_combined) {
  auto const how = pass.accumulates ? ExpertGradients::add : ExpertGradients::assign;
  auto const d_normed = services.routed.backward(exec, d_combined, weights.routed, state.routed, how, gradients.routed);
  if (services.residual) {
    auto const added =
        services.residual->backward(exec, d_combined, weights.residual, state.residual, ExpertGradients::add, gradients.residual);
    kernels::add<T>(exec, 1, added, d_normed);
  }
  return d_normed;
}

}  // namespace

template <class T>
void moe_block_backward(ExecSpace const& exec, BlockServices<T>& services, Pass const& pass, BlockTensors<T> const& weights,
                        MoeState<T> const& state, BlockTensors<Accumulate<T>> const& gradients, Matrix<T> d_x) {
  auto& mesh = *services.mesh;
  auto const owned = mesh.layout().owned_tokens(std::int64_t(d_x.extent(0)), mesh.rank());
  auto const hidden = std::int64_t(d_x.extent(1));
  Matrix<T> d_owned = rows(d_x, owned.begin, owned.end), d_combined = d_owned;
  if (weights.output_scale.size() > 0) {
    Region const region(Phase::combine);
    d_combined = make_matrix<T>("model::d_combined", owned.size(), hidden);
    kernels::scale_columns_backward<T>(exec, d_owned, state.combined, weights.output_scale, d_combined, gradients.output_scale);
  }
  auto const d_normed = branches_backward<T>(exec, services, pass, weights, state, gradients, d_combined);

  bool const is_split = mesh.group(Axis::tp).size() > 1;
  {
    Region const region(Phase::gate);
    if (is_split) {
      auto const own = make_matrix<T>("model::d_owned", owned.size(), hidden);
      Kokkos::deep_copy(exec, own, d_owned);
      d_owned = own;
    }
    kernels::rms_norm_backward<T>(exec, d_normed, state.input, weights.ffn_norm, state.inverse_rms, 1, d_owned,
                                  gradients.ffn_norm);
  }
  Region const region(Phase::dispatch);
  if (is_split) gather_tokens<T>(exec, mesh, services.exchanges.block_backward, d_owned, d_x);
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                \
  template Matrix<T> moe_block_forward<T>(ExecSpace const&, BlockServices<T>&, Pass const&, Matrix<T>, BlockTensors<T> const&, \
                                          MoeState<T>&);                                                                       \
  template void moe_block_backward<T>(ExecSpace const&, BlockServices<T>&, Pass const&, BlockTensors<T> const&,                \
                                      MoeState<T> const&, BlockTensors<Accumulate<T>> const&, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
