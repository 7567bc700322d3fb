#include "dispatch/moved_rows.hpp"

#include <cstring>
#include <type_traits>

#include "comm/exchange.hpp"
#include "kernels/permute.hpp"

namespace moescope {

namespace {

/// The number that a joined row carries behind its `width` columns.
template <class T>
struct NumberOfRow {
  ConstMatrix<T> rows;
  std::int64_t width;
  KOKKOS_INLINE_FUNCTION Accumulate<T> operator()(std::int64_t row) const {
    Accumulate<T> number;
    memcpy(&number, &rows(row, width), sizeof number);
    return number;
  }
};

template <class T>
KOKKOS_INLINE_FUNCTION void set_number(Matrix<T> const& rows, std::int64_t width, std::int64_t row, Accumulate<T> number) {
  static_assert(sizeof number % sizeof(T) == 0);
  memcpy(&rows(row, width), &number, sizeof number);
}

/// numbers[c] = number_of(its row), 0 for dropped choices.
template <class A, class NumberOf>
Vector<A> return_numbers(ExecSpace const& exec, Plan const& plan, NumberOf const& number_of) {
  auto const numbers = make_vector<A>("dispatch::d_weight", plan.num_choices);
  auto const row = plan.sent_of_choice;
  Kokkos::parallel_for(
      "dispatch::return_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, plan.num_choices),
      KOKKOS_LAMBDA(std::int64_t const c) { numbers(c) = row(c) < 0 ? A(0) : number_of(row(c)); });
  return numbers;
}

}  // namespace

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
Matrix<Accumulate<T>> copy_choices(ExecSpace const& exec, Plan const& plan, ConstVector<Accumulate<T>> numbers) {
  auto const sent = make_matrix<Accumulate<T>>("dispatch::sent_weights", plan.rows.num_sent(), 1);
  auto const choice = plan.choice_of_sent;
  Kokkos::parallel_for(
      "dispatch::copy_choices", Kokkos::RangePolicy<ExecSpace>(exec, 0, sent.extent(0)),
      KOKKOS_LAMBDA(std::int64_t const row) { sent(row, 0) = choice(row) < 0 ? Accumulate<T>(0) : numbers(choice(row)); });
  return sent;
}

template <class T>
Vector<Accumulate<T>> return_choices(ExecSpace const& exec, Plan const& plan, ConstMatrix<Accumulate<T>> sent) {
  return return_numbers<Accumulate<T>>(
      exec, plan, KOKKOS_LAMBDA(std::int64_t const row) { return sent(row, 0); });
}

template <class T>
WeightedRows<T> copy_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) {
  return {copy_tokens<T>(exec, plan, tokens.rows), Kokkos::subview(copy_choices<T>(exec, plan, tokens.weight), Kokkos::ALL, 0)};
}

template <class T>
WeightedRows<T> sum_weighted(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows) {
  ConstMatrix<Accumulate<T>> const weight(rows.weight.data(), rows.weight.extent(0), 1);
  return {sum_copies<T>(exec, plan, rows.rows), return_choices<T>(exec, plan, weight)};
}

template <class T>
Matrix<T> join_copies(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& tokens) {
  auto const width = std::int64_t(tokens.rows.extent(1));
  auto const sent = make_matrix<T>("dispatch::sent", plan.rows.num_sent(), width + number_columns<T>);
  auto const token = plan.token_of_sent, choice = plan.choice_of_sent;
  auto const x = tokens.rows;
  auto const weight = tokens.weight;
  Kokkos::parallel_for(
      "dispatch::join_copies", Kokkos::RangePolicy<ExecSpace>(exec, 0, plan.rows.num_sent()),
      KOKKOS_LAMBDA(std::int64_t const row) {
        bool const is_pad = choice(row) < 0;
        for (std::int64_t h = 0; h < width; ++h) sent(row, h) = is_pad ? T(0) : x(token(row), h);
        set_number<T>(sent, width, row, is_pad ? Accumulate<T>(0) : weight(choice(row)));
      });
  return sent;
}

template <class T>
WeightedRows<T> sum_joined(ExecSpace const& exec, Plan const& plan, Matrix<T> const& sent) {
  auto const width = std::int64_t(sent.extent(1)) - number_columns<T>;
  ConstMatrix<T> const rows = Kokkos::subview(sent, Kokkos::ALL, Kokkos::make_pair(std::int64_t(0), width));
  return {sum_copies<T>(exec, plan, rows), return_numbers<Accumulate<T>>(exec, plan, NumberOfRow<T>{sent, width})};
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
  auto const num_rows = plan.rows.num_gathered(), width = std::int64_t(arrived.extent(1)) - number_columns<T>;
  auto const rows = make_matrix<T>("dispatch::grouped", num_rows, width);
  auto const weight = make_vector<Accumulate<T>>("dispatch::grouped_weight", num_rows);
  NumberOfRow<T> const number{arrived, width};
  bool const in_order = plan.arrives_grouped();
  auto const position = plan.grouped_position;
  Kokkos::parallel_for(
      "dispatch::split_grouped", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_rows), KOKKOS_LAMBDA(std::int64_t const i) {
        std::int64_t const row = in_order ? i : position(i);
        for (std::int64_t h = 0; h < width; ++h) rows(row, h) = arrived(i, h);
        weight(row) = number(i);
      });
  return {rows, weight};
}

template <class T>
Matrix<Accumulate<T>> addable_arrived(ExecSpace const& exec, Plan const& plan, WeightedRows<T> const& rows) {
  auto const num_rows = plan.rows.num_gathered(), width = std::int64_t(rows.rows.extent(1));
  auto const arrived = make_matrix<Accumulate<T>>("dispatch::arrived", num_rows, width + 1);
  bool const in_order = plan.arrives_grouped();
  auto const position = plan.grouped_position;
  auto const matrix = rows.rows;
  auto const weight = rows.weight;
  Kokkos::parallel_for(
      "dispatch::addable_arrived", Kokkos::RangePolicy<ExecSpace>(exec, 0, num_rows), KOKKOS_LAMBDA(std::int64_t const i) {
        std::int64_t const row = in_order ? i : position(i);
        for (std::int64_t h = 0; h < width; ++h) arrived(i, h) = matrix(row, h);
        arrived(i, width) = weight(row);
      });
  return arrived;
}

namespace {

template <class T>
Matrix<T> join_addable(ExecSpace const& exec, ConstMatrix<Accumulate<T>> addable) {
  auto const width = std::int64_t(addable.extent(1)) - 1;
  auto const rows = make_matrix<T>("dispatch::joined", std::int64_t(addable.extent(0)), width + number_columns<T>);
  Kokkos::parallel_for(
      "dispatch::joined", Kokkos::RangePolicy<ExecSpace>(exec, 0, addable.extent(0)), KOKKOS_LAMBDA(std::int64_t const i) {
        for (std::int64_t h = 0; h < width; ++h) rows(i, h) = T(addable(i, h));
        set_number<T>(rows, width, i, addable(i, width));
      });
  return rows;
}

}  // namespace

template <class T>
Matrix<T> joined(ExecSpace const& exec, Matrix<Accumulate<T>> const& addable) {
  if constexpr (std::is_same_v<T, Accumulate<T>>) {
    return addable;
  } else {
    return join_addable<T>(exec, addable);
  }
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
  template Matrix<Accumulate<T>> copy_choices<T>(ExecSpace const&, Plan const&, ConstVector<Accumulate<T>>);   \
  template Vector<Accumulate<T>> return_choices<T>(ExecSpace const&, Plan const&, ConstMatrix<Accumulate<T>>); \
  template WeightedRows<T> copy_weighted<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);            \
  template WeightedRows<T> sum_weighted<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);             \
  template Matrix<T> join_copies<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);                    \
  template WeightedRows<T> sum_joined<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                     \
  template Matrix<T> grouped<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                              \
  template Matrix<T> ungrouped<T>(ExecSpace const&, Plan const&, Matrix<T> const&);                            \
  template WeightedRows<T> split_grouped<T>(ExecSpace const&, Plan const&, ConstMatrix<T>);                    \
  template Matrix<Accumulate<T>> addable_arrived<T>(ExecSpace const&, Plan const&, WeightedRows<T> const&);    \
  template Matrix<T> joined<T>(ExecSpace const&, Matrix<Accumulate<T>> const&);                                \
  template Matrix<T> gather_etp<T>(ExecSpace const&, Mesh&, Plan const&, Matrix<T> const&, ExchangeId const&); \
  template Matrix<T> scatter_etp<T>(ExecSpace const&, Mesh&, Plan const&, Matrix<T> const&, ExchangeId const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
