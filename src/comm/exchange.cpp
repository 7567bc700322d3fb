#include "comm/exchange.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "base/region.hpp"
#include "comm/detail/ledgered_call.hpp"
#include "comm/detail/staging.hpp"

namespace moescope {

using mpi::LedgeredCall;
using traffic::Operation;

namespace {

using Rows = std::vector<std::int64_t>;

std::int64_t total(Rows const& rows) { return std::accumulate(rows.begin(), rows.end(), std::int64_t(0)); }

/// Columns of two matrices that must agree unless one is empty.
template <class A, class B>
std::int64_t common_width(A const& a, B const& b) {
  MOESCOPE_CHECK(a.extent(0) == 0 || b.extent(0) == 0 || a.extent(1) == b.extent(1));
  return std::int64_t(b.extent(0) == 0 ? a.extent(1) : b.extent(1));
}

template <class M>
void check_rows(M const& matrix, std::int64_t expected) {
  MOESCOPE_CHECK(std::int64_t(matrix.extent(0)) == expected);
}

Rows elements(Rows rows, std::int64_t width) {
  for (auto& n : rows) n *= width;
  return rows;
}

/// The exchange that is left when `call` has been posted: complete it, then `deliver` what arrived.
template <class Deliver>
Exchange pending(std::shared_ptr<LedgeredCall> call, Deliver deliver) {
  return Exchange([call = std::move(call), deliver = std::move(deliver)] {
    Region const region(Phase::communication);
    call->finish();
    deliver();
  });
}

}  // namespace

template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, Reduction reduction,
                          Vector<T> values) {
  auto const members = mesh.group(axis).size();
  if (members == 1) return {};
  Region const region(Phase::communication);
  auto const size = std::int64_t(values.extent(0));
  auto const count = mpi::count(size, "elements", name);
  traffic::Volume const volume{size * std::int64_t(sizeof(T)), 2 * std::int64_t(members - 1), 1};
  auto const call = std::make_shared<LedgeredCall>(mesh, axis, name, Operation::all_reduce, volume);
  auto const buffer = host_copy(exec, values);
  auto const operation = reduction == Reduction::sum ? MPI_SUM : MPI_MAX;
  call->post("MPI_Allreduce",
             [&] { return MPI_Allreduce(MPI_IN_PLACE, buffer.data(), count, mpi::reducing_type<T>(), operation, call->comm()); });
  return pending(call, [=] { bring_back(exec, values, buffer); });
}

template <class T>
Exchange start_all_gather(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> own,
                          Rows const& rows, Matrix<T> all) {
  auto const& group = mesh.group(axis);
  MOESCOPE_CHECK(std::int64_t(rows.size()) == group.size());
  check_rows(own, rows[std::size_t(group.rank())]);
  check_rows(all, total(rows));
  auto const width = common_width(own, all);
  if (group.size() == 1) return copy_rows<T>(exec, all, own), Exchange();
  Region const region(Phase::communication);

  traffic::Volume const volume{total(rows) * width * std::int64_t(sizeof(T)), group.size() - 1, 1};
  auto const call = std::make_shared<LedgeredCall>(mesh, axis, name, Operation::all_gather, volume);
  call->receive = mpi::blocks(rows, "rows", name);
  call->row.emplace(mpi::moving_type<T>(), width, name);
  auto const from = host_copy(exec, own);
  auto const to = host_target(all);
  call->post("MPI_Iallgatherv", [&] {
    return MPI_Iallgatherv(from.data(), int(from.extent(0)), *call->row, to.data(), call->receive.counts.data(),
                           call->receive.displacements.data(), *call->row, call->comm(), call->request());
  });
  return pending(call, [=, keep = from] { bring_back(exec, all, to); });
}

template <class T>
Exchange start_reduce_scatter(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> all,
                              Rows const& rows, Matrix<T> own) {
  auto const& group = mesh.group(axis);
  MOESCOPE_CHECK(std::int64_t(rows.size()) == group.size());
  check_rows(all, total(rows));
  check_rows(own, rows[std::size_t(group.rank())]);
  auto const width = common_width(own, all);
  if (group.size() == 1) return copy_rows<T>(exec, own, all), Exchange();
  Region const region(Phase::communication);

  traffic::Volume const volume{total(rows) * width * std::int64_t(sizeof(T)), group.size() - 1, 1};
  auto const call = std::make_shared<LedgeredCall>(mesh, axis, name, Operation::reduce_scatter, volume);
  call->receive = mpi::blocks(elements(rows, width), "elements", name);
  auto const from = host_copy(exec, all);
  auto const to = host_target(own);
  call->post("MPI_Reduce_scatter", [&] {
    return MPI_Reduce_scatter(from.data(), to.data(), call->receive.counts.data(), mpi::reducing_type<T>(), MPI_SUM,
                              call->comm());
  });
  return pending(call, [=] { bring_back(exec, own, to); });
}

template <class T>
Exchange start_all_to_all(ExecSpace const& exec, Mesh& mesh, Axis axis, std::string_view name, ConstMatrix<T> send,
                          Rows const& send_rows, Matrix<T> receive, Rows const& receive_rows) {
  auto const& group = mesh.group(axis);
  auto const me = std::size_t(group.rank());
  MOESCOPE_CHECK(std::int64_t(send_rows.size()) == group.size() && send_rows.size() == receive_rows.size());
  MOESCOPE_CHECK(send_rows[me] == receive_rows[me]);
  check_rows(send, total(send_rows));
  check_rows(receive, total(receive_rows));
  auto const width = common_width(send, receive);
  if (group.size() == 1) return copy_rows<T>(exec, receive, send), Exchange();
  Region const region(Phase::communication);

  auto const payload = (total(send_rows) - send_rows[me]) * width * std::int64_t(sizeof(T));
  auto const peers = std::count_if(send_rows.begin(), send_rows.end(), [](auto n) { return n > 0; }) - (send_rows[me] > 0);
  auto const call = std::make_shared<LedgeredCall>(mesh, axis, name, Operation::all_to_all, traffic::Volume{payload, peers, 1});
  call->send = mpi::blocks(send_rows, "rows", name);
  call->receive = mpi::blocks(receive_rows, "rows", name);
  call->send.counts[me] = call->receive.counts[me] = 0;
  for (std::size_t i = 0; i < send_rows.size(); ++i) call->with_rows.push_back(send_rows[i] + receive_rows[i] > 0);
  call->row.emplace(mpi::moving_type<T>(), width, name);
  auto const from = host_copy(exec, send);
  auto const to = host_target(receive);
  call->post("MPI_Ialltoallv", [&] {
    return MPI_Ialltoallv(from.data(), call->send.counts.data(), call->send.displacements.data(), *call->row, to.data(),
                          call->receive.counts.data(), call->receive.displacements.data(), *call->row, call->comm(),
                          call->request());
  });
  std::int64_t const source = call->send.displacements[me], target = call->receive.displacements[me], kept = send_rows[me];
  return pending(call, [=, keep = from] {
    bring_back(exec, receive, to);
    copy_rows<T>(exec, rows(receive, target, target + kept), rows(send, source, source + kept));
  });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                  \
  template Exchange start_all_reduce<T>(ExecSpace const&, Mesh&, Axis, std::string_view, Reduction, Vector<T>);                  \
  template Exchange start_all_gather<T>(ExecSpace const&, Mesh&, Axis, std::string_view, ConstMatrix<T>, Rows const&,            \
                                        Matrix<T>);                                                                              \
  template Exchange start_reduce_scatter<T>(ExecSpace const&, Mesh&, Axis, std::string_view, ConstMatrix<T>, Rows const&,        \
                                            Matrix<T>);                                                                          \
  template Exchange start_all_to_all<T>(ExecSpace const&, Mesh&, Axis, std::string_view, ConstMatrix<T>, Rows const&, Matrix<T>, \
                                        Rows const&);
MOESCOPE_INSTANTIATE(float)
MOESCOPE_INSTANTIATE(double)

}  // namespace moescope
