#include "kernels/cross_entropy.hpp"

#include "base/error.hpp"
#include "base/to_host.hpp"
#include "kernels/detail/exponential.hpp"
#include "kernels/detail/rows.hpp"

namespace moescope::kernels {

template <class T>
void cross_entropy_maximum(ExecSpace const& exec, ConstMatrix<T> logits, Vector<Accumulate<T>> maximum) {
  MOESCOPE_CHECK(maximum.extent(0) == logits.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(logits.extent(1));
  for_each_row(
      exec, "kernels::cross_entropy_maximum", std::int64_t(logits.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        A const largest = max_columns<A>(team, num_columns, [&](std::int64_t v) { return A(logits(t, v)); });
        Kokkos::single(Kokkos::PerTeam(team), [&] { maximum(t) = largest; });
      });
}

template <class T>
void cross_entropy_partial(ExecSpace const& exec, ConstMatrix<T> logits, ConstVector<int> targets, Range vocabulary,
                           ConstVector<Accumulate<T>> maximum, Vector<Accumulate<T>> sum_exp,
                           Vector<Accumulate<T>> target_logit) {
  MOESCOPE_CHECK(std::int64_t(logits.extent(1)) == vocabulary.size() && targets.extent(0) == logits.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(logits.extent(1));
  for_each_row(
      exec, "kernels::cross_entropy_partial", std::int64_t(logits.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        A const largest = maximum(t);
        A const sum = sum_columns<A>(team, num_columns, [&](std::int64_t v) { return exponential(A(logits(t, v)) - largest); });
        std::int64_t const column = targets(t) - vocabulary.begin;
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          sum_exp(t) = sum;
          target_logit(t) = 0 <= column && column < num_columns ? A(logits(t, column)) : A(0);
        });
      });
}

template <class T>
double cross_entropy_finish(ExecSpace const& exec, ConstVector<int> targets, ConstVector<Accumulate<T>> maximum,
                            ConstVector<Accumulate<T>> sum_exp, ConstVector<Accumulate<T>> target_logit) {
  auto const losses = make_vector<double>("kernels::cross_entropy_losses", std::int64_t(targets.extent(0)));
  Kokkos::parallel_for(
      "kernels::cross_entropy_losses", Kokkos::RangePolicy<ExecSpace>(exec, 0, targets.extent(0)), KOKKOS_LAMBDA(std::int64_t t) {
        losses(t) =
            targets(t) == ignored_label ? 0.0 : Kokkos::log(double(sum_exp(t))) + double(maximum(t)) - double(target_logit(t));
      });
  auto const host = to_host(exec, losses);
  double sum = 0;
  for (std::size_t t = 0; t < host.extent(0); ++t) sum += host(t);
  return sum;
}

template <class T>
void cross_entropy_backward(ExecSpace const& exec, ConstVector<int> targets, Range vocabulary, ConstVector<Accumulate<T>> maximum,
                            ConstVector<Accumulate<T>> sum_exp, Accumulate<T> scale, Matrix<T> logits) {
  MOESCOPE_CHECK(std::int64_t(logits.extent(1)) == vocabulary.size() && targets.extent(0) == logits.extent(0));
  using A = Accumulate<T>;
  std::int64_t const num_columns = std::int64_t(logits.extent(1));
  for_each_row(
      exec, "kernels::cross_entropy_backward", std::int64_t(logits.extent(0)), KOKKOS_LAMBDA(Team const& team, std::int64_t t) {
        A const largest = maximum(t), factor = targets(t) == ignored_label ? A(0) : scale / sum_exp(t);
        for_each_column(team, num_columns,
                        [&](std::int64_t v) { logits(t, v) = T(factor * exponential(A(logits(t, v)) - largest)); });
        team.team_barrier();
        std::int64_t const column = targets(t) - vocabulary.begin;
        bool const here = targets(t) != ignored_label && 0 <= column && column < num_columns;
        Kokkos::single(Kokkos::PerTeam(team), [&] {
          if (here) logits(t, column) = T(A(logits(t, column)) - scale);
        });
      });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                 \
  template void cross_entropy_maximum<T>(ExecSpace const&, ConstMatrix<T>, Vector<Accumulate<T>>);                              \
  template void cross_entropy_partial<T>(ExecSpace const&, ConstMatrix<T>, ConstVector<int>, Range, ConstVector<Accumulate<T>>, \
                                         Vector<Accumulate<T>>, Vector<Accumulate<T>>);                                         \
  template double cross_entropy_finish<T>(ExecSpace const&, ConstVector<int>, ConstVector<Accumulate<T>>,                       \
                                          ConstVector<Accumulate<T>>, ConstVector<Accumulate<T>>);                              \
  template void cross_entropy_backward<T>(ExecSpace const&, ConstVector<int>, Range, ConstVector<Accumulate<T>>,                \
                                          ConstVector<Accumulate<T>>, Accumulate<T>, Matrix<T>);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::kernels
