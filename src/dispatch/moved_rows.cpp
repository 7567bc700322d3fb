#include "dispatch/moved_rows.hpp"

#include "comm/exchange.hpp"
#include "kernels/permute.hpp"

namespace moescope {

template <class T>
Matrix<T> copy_tokens(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> x) {
  auto const sent = make_matrix<T>("dispatch::sent", plan.rows.num_sent(), std::int64_t(x.extent(1)));
  kernels::gather_rows<T>(exec, x, plan.token_of_sent, sent);
  return sent;
}

template <class T>
Matrix<T> sum_copies(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> sent) {
  auto const y = make_matrix<T>("dispatch::combined", plan.num_tokens, std::int64_t(sent.extent(1)));
  kernels::sum_rows<T>(exec, sent, plan.offsets, plan.sent_of_choice, y);
  return y;
}

template <class T>
Matrix<T> copy_choices(ExecSpace const& exec, Plan const& plan, ConstVector<T> numbers) {
  auto const sent = make_matrix<T>("dispatch::sent_weights", plan.rows.num_sent(), 1);
  auto const choice = plan.choice_of_sent;
  Kokkos::parallel_for(
      "dispatch::copy_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, sent.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const row) { sent(row, 0) = numbers(choice(row)); });
  return sent;
}

template <class T>
Vector<T> return_choices(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> sent, std::int64_t column) {
  auto const numbers = make_vector<T>("dispatch::d_weight", plan.num_choices);
  auto const row = plan.sent_of_choice;
  Kokkos::parallel_for(
      "dispatch::return_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, plan.num_choices),
      KOKKOS_LAMBDA(std::int64_t const c) { numbers(c) = row(c) < 0 ? T(0) : sent(row(c), column); });
  return numbers;
}

template <class T>
WeightedRows<T> copy_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) {
  return {copy_tokens<T>(exec, plan, tokens.rows), Kokkos::subview(copy_choices<T>(exec, plan, tokens.weight), Kokkos::ALL, 0)};
}

template <class T>
WeightedRows<T> sum_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows) {
  ConstMatrix<T> const weight(rows.weight.data(), rows.weight.extent(0), 1);
  return {sum_copies<T>(exec, plan, rows.rows), return_choices<T>(exec, plan, weight)};
}

template <class T>
Matrix<T> join_copies(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) {
  auto const width = std::int64_t(tokens.rows.extent(1));
  auto const sent = make_matrix<T>("dispatch::sent", plan.rows.num_sent(), width + 1);
  auto const token = plan.token_of_sent, choice = plan.choice_of_sent;
  auto const x = tokens.rows;
  auto const weight = tokens.weight;
  Kokkos::parallel_for(
      "dispatch::join_copies", Kokkos::RangePolicy<ExecSpace>(exec, 0, plan.rows.num_sent()),
      KOKKOS_LAMBDA(std::int64_t const row) {
        for (std::int64_t h = 0; h < width; ++h) sent(row, h) = x(token(row), h);
        sent(row, width) = weight(choice(row));
      });
  return sent;
}

template <class T>
WeightedRows<T> sum_joined(ExecSpace const& exec, Plan const& plan, Matrix<T> const& sent) {
  auto const width = std::int64_t(sent.extent(1)) - 1;
  ConstMatrix<T> const rows = Kokkos::subview(sent, Kokkos::ALL, Kokkos::make_pair(std::int64_t(0), width));
  return {sum_copies<T>(exec, plan, rows), return_choices<T>(exec, plan, sent, width)};
}

template <class T>
Matrix<T> grouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& arrived) {
  if (plan.arrives_grouped()) return arrived;
  auto const rows = make_matrix<T>("dispatch::grouped", plan.rows.num_gathered(), std::int64_t(arrived.extent(1)));
  kernels::scatter_rows<T>(exec, arrived, plan.grouped_position, rows);
  return rows;
}

template <class T>
Matrix<T> ungrouped(ExecSpace const& exec, Plan const& plan, Matrix<T> const& rows) {
  if (plan.arrives_grouped()) return rows;
  auto const arrived = make_matrix<T>("dispatch::arrived", plan.rows.num_gathered(), std::int64_t(rows.extent(1)));
  kernels::gather_rows<T>(exec, rows, plan.grouped_position, arrived);
  return arrived;
}

template <class T>
WeightedRows<T> split_grouped(ExecSpace const& exec, Plan const& plan, ConstMatrix<T> arrived) {
  auto const num_rows = plan.rows.num_gathered(), width = std::int64_t(arrived.extent(1)) - 1;
  auto const rows = make_matrix<T>("dispatch::grouped", num_rows, width);
  auto const weight = make_vector<T>("dispatch::grouped_weight", num_rows);
  bool const in_order = plan.arrives_grouped();
  auto const position = plan.grouped_position;
  Kokkos::parallel_for(
      "dispatch::split_grouped", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_rows), KOKKOS_LAMBDA(std::int64_t const i) {
        std::int64_t const row = in_order ? i : position(i);
        for (std::int64_t h = 0; h < width; ++h) rows(row, h) = arrived(i, h);
        weight(row) = arrived(i, width);
      });
  return {rows, weight};
}

template <class T>
Matrix<T> join_arrived(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows) {
  auto const num_rows = plan.rows.num_gathered(), width = std::int64_t(rows.rows.extent(1));
  auto const arrived = make_matrix<T>("dispatch::arrived", num_rows, width + 1);
  bool const in_order = plan.arrives_grouped();
  auto const position = plan.grouped_position;
  auto const matrix = rows.rows;
  auto const weight = rows.weight;
  Kokkos::parallel_for(
      "dispatch::join_arrived", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_rows), KOKKOS_LAMBDA(std::int64_t const i) {
        std::int64_t const row = in_order ? i : position(i);
        for (std::int64_t h = 0; h < width; ++h) arrived(i, h) = matrix(row, h);
        arrived(i, width) = weight(row);
      });
  return arrived;
}

template <class T>
Matrix<T> gather_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& received, ExchangeId const& exchange) {
  if (mesh.group(Axis::etp).size() == 1) return received;
  auto const all = make_matrix<T>("dispatch::arrived", plan.rows.num_gathered(), std::int64_t(received.extent(1)));
  start_all_gather<T>(exec, mesh, exchange, received, plan.rows.etp_rows, all).wait();
  return all;
}

template <class T>
Matrix<T> scatter_etp(ExecSpace const& exec, Mesh& mesh, Plan const& plan, Matrix<T> const& arrived, ExchangeId const& exchange) {
  if (mesh.group(Axis::etp).size() == 1) return arrived;
  auto const own = make_matrix<T>("dispatch::received", plan.rows.num_received(), std::int64_t(arrived.extent(1)));
  start_reduce_scatter<T>(exec, mesh, exchange, arrived, plan.rows.etp_rows, own).wait();
  return own;
}

#define MOESCOPE_INSTANTIATE(T)                                                                                \
  template Matrix<T> copy_tokens<T>(ExecSpace const&, Plan const&, ConstMatrix<T>);                            \
  template Matrix<T> sum_copies<T>(ExecSpace const&, Plan const&, ConstMatrix<T>);                             \
  template Matrix<T> copy_choices<T>(ExecSpace const&, Plan const&, ConstVector<T>);                           \
  template Vector<T> return_choices<T>(ExecSpace const&, Plan const&, ConstMatrix<T>, std::int64_t);           \
  template WeightedRows<T> copy_weighted<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);            \
  template WeightedRows<T> sum_weighted<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);             \
  template Matrix<T> join_copies<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);                    \
  template WeightedRows<T> sum_joined<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                     \
  template Matrix<T> grouped<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                              \
  template Matrix<T> ungrouped<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                            \
  template WeightedRows<T> split_grouped<T>(ExecSpace const&, Plan const&, ConstMatrix<T>);                    \
  template Matrix<T> join_arrived<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);                   \
  template Matrix<T> gather_etp<T>(ExecSpace const&, Mesh&, Plan const&, Matrix<T> const&, ExchangeId const&); \
  template Matrix<T> scatter_etp<T>(ExecSpace const&, Mesh&, Plan const&, Matrix<T> const&, ExchangeId const&);
MOESCOPE_INSTANTIATE(double)
MOESCOPE_INSTANTIATE(float)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
