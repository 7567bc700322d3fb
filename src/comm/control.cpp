#include "base/error.hpp"
#include "base/region.hpp"
#include "comm/detail/ledgered_call.hpp"
#include "comm/detail/reduce.hpp"
#include "comm/exchange.hpp"

namespace moescope {

using mpi::LedgeredCall;
using traffic::Operation;

namespace {

template <class T>
std::vector<T> all_gather_host(Mesh& mesh, ExchangeId const& id, std::span<T const> own,
                               std::vector<std::int64_t> const& counts) {
  id.check(Operation::all_gather);
  auto const& group = mesh.group(id.axis());
  MOESCOPE_CHECK(std::int64_t(counts.size()) == group.size());
  MOESCOPE_CHECK(counts[std::size_t(group.rank())] == std::int64_t(own.size()));
  if (group.size() == 1) return {own.begin(), own.end()};
  Region const region(Phase::communication);
  auto const blocks = mpi::blocks(counts, "numbers", id.name());
  std::vector<T> all(std::size_t(blocks.total), T{});
  LedgeredCall call(mesh, id, {blocks.total * std::int64_t(sizeof(T)), group.size() - 1, 1});
  auto const type = mpi::moving_type<T>();
  call.post("MPI_Allgatherv", [&] {
    return MPI_Allgatherv(own.data(), int(own.size()), type, all.data(), blocks.counts.data(), blocks.displacements.data(), type,
                          call.comm());
  });
  call.finish();
  return all;
}

}  // namespace

std::vector<std::int64_t> all_gather_control(Mesh& mesh, ExchangeId const& id, std::vector<std::int64_t> const& own) {
  std::vector<std::int64_t> const counts(std::size_t(mesh.group(id.axis()).size()), std::int64_t(own.size()));
  return all_gather_host<std::int64_t>(mesh, id, own, counts);
}

std::vector<double> all_gather_control(Mesh& mesh, ExchangeId const& id, std::span<double const> own,
                                       std::vector<std::int64_t> const& counts) {
  return all_gather_host<double>(mesh, id, own, counts);
}

void all_reduce_control(Mesh& mesh, ExchangeId const& id, std::span<double> values) {
  id.check(Operation::all_reduce);
  auto const members = mesh.group(id.axis()).size();
  if (members == 1) return;
  Region const region(Phase::communication);
  LedgeredCall call(mesh, id, mpi::reduction_volume(mesh, std::int64_t(values.size_bytes()), 2 * (members - 1)));
  call.post("MPI_Allreduce", [&] { return mpi::all_reduce(mesh, values, MPI_SUM, call.comm()); });
  call.finish();
}

}  // namespace moescope
