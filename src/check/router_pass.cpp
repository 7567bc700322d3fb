#include "check/router_pass.hpp"

#include "base/to_host.hpp"
#include "base/upload.hpp"
#include "gates/group_limit.hpp"
#include "gates/selection.hpp"
#include "gates/sigmoid.hpp"
#include "gates/weigh_by_affinity.hpp"
#include "kernels/gemm.hpp"

namespace moescope {

namespace {

using Affinity = PublishedRouter::Affinity;

Matrix<double> matrix_of(ExecSpace const& exec, std::vector<double> const& values, std::int64_t rows, std::int64_t columns) {
  auto const matrix = make_matrix<double>("check::router", rows, columns);
  upload(exec, values, matrix);
  return matrix;
}

void add_to_rows(ExecSpace const& exec, std::vector<double> const& row, Matrix<double> const& matrix) {
  if (row.empty()) return;
  auto const added = upload(exec, "check::row", row);
  auto const columns = std::int64_t(row.size());
  Kokkos::parallel_for(
      "check::add_to_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, matrix.size()),
      KOKKOS_LAMBDA(std::int64_t i) { matrix(i / columns, i % columns) += added(i % columns); });
}

Matrix<double> copy_of(ExecSpace const& exec, Matrix<double> const& matrix) {
  auto const copy = make_matrix<double>("check::copy", matrix.extent(0), matrix.extent(1));
  Kokkos::deep_copy(exec, copy, matrix);
  return copy;
}

Matrix<double> softmax_of_rows(ExecSpace const& exec, ConstMatrix<double> const& logits) {
  auto const experts = std::int64_t(logits.extent(1));
  auto const softmax = make_matrix<double>("check::softmax", logits.extent(0), experts);
  Kokkos::parallel_for(
      "check::softmax_of_rows", Kokkos::RangePolicy<ExecSpace>(exec, 0, logits.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        double largest = logits(t, 0), sum = 0;
        for (std::int64_t e = 1; e < experts; ++e) largest = Kokkos::max(largest, logits(t, e));
        for (std::int64_t e = 0; e < experts; ++e) sum += Kokkos::exp(logits(t, e) - largest);
        for (std::int64_t e = 0; e < experts; ++e) softmax(t, e) = Kokkos::exp(logits(t, e) - largest) / sum;
      });
  return softmax;
}

Matrix<double> logits_of(ExecSpace const& exec, RouterFixture const& fixture, RouterFixtureLayer const& layer) {
  auto const& router = fixture.router;
  auto const logits = make_matrix<double>("check::logits", fixture.tokens, router.num_experts);
  kernels::linear<double>(exec, matrix_of(exec, layer.input, fixture.tokens, router.hidden_size),
                          matrix_of(exec, layer.tensors.weight, router.num_experts, router.hidden_size), logits);
  add_to_rows(exec, layer.tensors.bias, logits);
  return logits;
}

Routing<double> route(ExecSpace const& exec, PublishedRouter const& router, RouterTensors const& tensors,
                      Matrix<double> const& logits) {
  auto const affinity =
      router.affinity == Affinity::sigmoid ? gates::sigmoid<double>(exec, logits) : softmax_of_rows(exec, logits);
  auto ranking = copy_of(exec, router.affinity == Affinity::softmax_of_chosen ? logits : affinity);
  add_to_rows(exec, tensors.correction_bias, ranking);
  if (router.num_groups > 1) ranking = gates::limit_groups<double>(exec, ranking, router.num_groups, router.groups_kept, 2);
  auto const routing =
      gates::route<double>(exec, gates::top_experts<double>(exec, ranking, router.top_k), router.top_k, router.num_experts);
  if (router.affinity == Affinity::softmax_of_chosen)
    gates::score_choices<double>(exec, logits, true, routing);
  else
    gates::weigh_by_affinity<double>(exec, affinity, router.normalise, routing);
  return routing;
}

/// 0 for the choices of experts that earlier tokens of the sequence have filled.
std::vector<double> within_capacity(RouterFixture const& fixture, std::vector<double> chosen) {
  auto const experts = fixture.router.num_experts;
  for (std::int64_t e = 0; e < experts; ++e)
    for (std::int64_t t = 0, taken = 0; t < fixture.tokens; ++t) {
      if (t % fixture.sequence_length == 0) taken = 0;
      auto& choice = chosen[std::size_t(t * experts + e)];
      if (choice != 0 && ++taken > fixture.router.expert_capacity) choice = 0;
    }
  return chosen;
}

}  // namespace

RouterOutcome run_router(RouterFixture const& fixture, RouterFixtureLayer const& layer) {
  ExecSpace const exec;
  auto const& router = fixture.router;
  auto const logits = logits_of(exec, fixture, layer);
  auto const routing = route(exec, router, layer.tensors, logits);
  auto const expert = to_host(exec, routing.expert);
  auto const weight = to_host(exec, routing.weight);
  std::vector<double> const none(std::size_t(fixture.tokens * router.num_experts));
  RouterOutcome outcome{to_host_copy(exec, logits), none, none, {}};
  for (std::int64_t c = 0; c < routing.num_choices; ++c) {
    auto const at = std::size_t(c / router.top_k * router.num_experts + expert(c));
    outcome.chosen[at] = 1;
    outcome.weight[at] = router.score_scale_factor * weight(c);
  }
  outcome.kept = router.expert_capacity > 0 ? within_capacity(fixture, outcome.chosen) : outcome.chosen;
  return outcome;
}

RouterTensors router_gradients(RouterFixture const& fixture, RouterFixtureLayer const& layer) {
  ExecSpace const exec;
  auto const& router = fixture.router;
  auto const experts = router.num_experts;
  auto const d_logits = matrix_of(exec, layer.d_logits, fixture.tokens, experts);
  Matrix<double> const d_weight("check::d_weight", experts, router.hidden_size);
  kernels::linear_backward_weight<double>(exec, d_logits, matrix_of(exec, layer.input, fixture.tokens, router.hidden_size),
                                          d_weight);
  RouterTensors gradients{to_host_copy(exec, d_weight), {}, {}};
  if (!router.bias.empty()) gradients.bias.resize(std::size_t(experts));
  for (std::size_t i = 0; !router.bias.empty() && i < layer.d_logits.size(); ++i)
    gradients.bias[i % std::size_t(experts)] += layer.d_logits[i];
  return gradients;
}

}  // namespace moescope
