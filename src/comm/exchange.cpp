#include "comm/exchange.hpp"

#include <algorithm>
#include <cstdio>
#include <numeric>
#include <utility>

#include "base/error.hpp"
#include "base/region.hpp"
#include "comm/detail/ledgered_call.hpp"
#include "comm/detail/reduce.hpp"
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

/// MPI may use the memory until the exchange is complete, so the exchange must share its ownership.
template <class V>
void check_owned(V const& view) {
  MOESCOPE_CHECK(view.use_count() > 0 || view.size() == 0);
}

/// The exchange that is left when `call` has been posted: complete it, then `deliver` what arrived.
template <class Deliver>
class PostedCall final : public Exchange::Pending {
 public:
  PostedCall(std::unique_ptr<LedgeredCall> call, Deliver deliver) : call_(std::move(call)), deliver_(std::move(deliver)) {}
  void finish() override {
    Region const region(Phase::communication);
    call_->finish();
    deliver_();
  }

 private:
  std::unique_ptr<LedgeredCall> call_;
  Deliver deliver_;
};

template <class Deliver>
Exchange pending(std::unique_ptr<LedgeredCall> call, Deliver deliver) {
  return Exchange(std::make_unique<PostedCall<Deliver>>(std::move(call), std::move(deliver)));
}

template <class T, class V>
Exchange reduce_everywhere(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, Reduction reduction, V values) {
  id.check(Operation::all_reduce);
  check_owned(values);
  auto const members = mesh.group(id.axis()).size();
  if (members == 1) return {};
  Region const region(Phase::communication);
  auto const bytes = std::int64_t(values.size() * sizeof(T));
  auto call = std::make_unique<LedgeredCall>(mesh, id, mpi::reduction_volume(mesh, bytes, 2 * (members - 1)));
  auto const buffer = host_copy(exec, values);
  auto const operation = reduction == Reduction::sum ? MPI_SUM : MPI_MAX;
  call->post("MPI_Allreduce",
             [&] { return mpi::all_reduce(mesh, std::span(buffer.data(), buffer.size()), operation, call->comm()); });
  return pending(std::move(call), [=] { bring_back(exec, values, buffer); });
}

}  // namespace

Exchange& Exchange::operator=(Exchange&& other) noexcept {
  Exchange const finished(std::exchange(pending_, std::move(other.pending_)));
  return *this;
}

Exchange::~Exchange() {
  try {
    if (std::uncaught_exceptions() == 0) wait();
  } catch (std::exception const& error) {
    std::fprintf(stderr, "moescope: an exchange that nobody waited for failed: %s\n", error.what());
    abort_job(1);
  }
  static_cast<void>(pending_.release());
}

void Exchange::wait() {
  if (auto const pending = std::move(pending_)) pending->finish();
}

template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, Reduction reduction, Vector<T> values) {
  return reduce_everywhere<T>(exec, mesh, id, reduction, values);
}

template <class T>
Exchange start_all_reduce(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, Reduction reduction, Matrix<T> values) {
  return reduce_everywhere<T>(exec, mesh, id, reduction, values);
}

template <class T>
Exchange start_all_gather(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> own, Rows const& rows,
                          Matrix<T> all) {
  id.check(Operation::all_gather);
  check_owned(own);
  check_owned(all);
  auto const& group = mesh.group(id.axis());
  MOESCOPE_CHECK(std::int64_t(rows.size()) == group.size());
  check_rows(own, rows[std::size_t(group.rank())]);
  check_rows(all, total(rows));
  auto const width = common_width(own, all);
  if (group.size() == 1) return copy_rows<T>(exec, all, own), Exchange();
  Region const region(Phase::communication);

  traffic::Volume const volume{total(rows) * width * std::int64_t(sizeof(T)), group.size() - 1, 1};
  auto call = std::make_unique<LedgeredCall>(mesh, id, volume);
  call->receive = mpi::blocks(rows, "rows", id.name());
  auto const row = mpi::row_type(mpi::moving_type<T>(), width, id.name());
  auto const from = host_copy(exec, own);
  auto const to = host_target(all);
  call->post("MPI_Iallgatherv", [&] {
    return MPI_Iallgatherv(from.data(), int(from.extent(0)), row, to.data(), call->receive.counts.data(),
                           call->receive.displacements.data(), row, call->comm(), call->request());
  });
  return pending(std::move(call), [=, keep = from] { bring_back(exec, all, to); });
}

template <class T>
Exchange start_reduce_scatter(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> all, Rows const& rows,
                              Matrix<T> own) {
  id.check(Operation::reduce_scatter);
  check_owned(all);
  check_owned(own);
  auto const& group = mesh.group(id.axis());
  MOESCOPE_CHECK(std::int64_t(rows.size()) == group.size());
  check_rows(all, total(rows));
  check_rows(own, rows[std::size_t(group.rank())]);
  auto const width = common_width(own, all);
  if (group.size() == 1) return copy_rows<T>(exec, own, all), Exchange();
  Region const region(Phase::communication);

  auto const bytes = total(rows) * width * std::int64_t(sizeof(T));
  auto call = std::make_unique<LedgeredCall>(mesh, id, mpi::reduction_volume(mesh, bytes, group.size() - 1));
  auto const from = host_copy(exec, all);
  auto const to = host_target(own);
  auto const sizes = elements(rows, width);
  call->post("MPI_Reduce_scatter", [&] {
    return mpi::reduce_scatter(mesh, std::span<T const>(from.data(), from.size()), sizes, to.data(), call->comm());
  });
  return pending(std::move(call), [=] { bring_back(exec, own, to); });
}

template <class T>
Exchange start_all_to_all(ExecSpace const& exec, Mesh& mesh, ExchangeId const& id, ConstMatrix<T> send, Rows const& send_rows,
                          Matrix<T> receive, Rows const& receive_rows) {
  id.check(Operation::all_to_all);
  check_owned(send);
  check_owned(receive);
  auto const& group = mesh.group(id.axis());
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
  auto call = std::make_unique<LedgeredCall>(mesh, id, traffic::Volume{payload, peers, 1});
  call->send = mpi::blocks(send_rows, "rows", id.name());
  call->receive = mpi::blocks(receive_rows, "rows", id.name());
  call->send.counts[me] = call->receive.counts[me] = 0;
  for (std::size_t i = 0; i < send_rows.size(); ++i) call->with_rows.push_back(send_rows[i] + receive_rows[i] > 0);
  auto const row = mpi::row_type(mpi::moving_type<T>(), width, id.name());
  auto const from = host_copy(exec, send);
  auto const to = host_target(receive);
  call->post("MPI_Ialltoallv", [&] {
    return MPI_Ialltoallv(from.data(), call->send.counts.data(), call->send.displacements.data(), row, to.data(),
                          call->receive.counts.data(), call->receive.displacements.data(), row, call->comm(), call->request());
  });
  std::int64_t const source = call->send.displacements[me], target = call->receive.displacements[me], kept = send_rows[me];
  return pending(std::move(call), [=, keep = from] {
    bring_back(exec, receive, to);
    copy_rows<T>(exec, rows(receive, target, target + kept), rows(send, source, source + kept));
  });
}

#define MOESCOPE_INSTANTIATE(T)                                                                                                  \
  template Exchange start_all_reduce<T>(ExecSpace const&, Mesh&, ExchangeId const&, Reduction, Vector<T>);                       \
  template Exchange start_all_reduce<T>(ExecSpace const&, Mesh&, ExchangeId const&, Reduction, Matrix<T>);                       \
  template Exchange start_all_gather<T>(ExecSpace const&, Mesh&, ExchangeId const&, ConstMatrix<T>, Rows const&, Matrix<T>);     \
  template Exchange start_reduce_scatter<T>(ExecSpace const&, Mesh&, ExchangeId const&, ConstMatrix<T>, Rows const&, Matrix<T>); \
  template Exchange start_all_to_all<T>(ExecSpace const&, Mesh&, ExchangeId const&, ConstMatrix<T>, Rows const&, Matrix<T>,      \
                                        Rows const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
