#include "bench/measure.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/region.hpp"
#include "bench/buffers.hpp"

namespace moescope::bench {

namespace {

/// [iterations] of the slowest rank, on rank 0.
std::vector<double> slowest(Communicator const& world, std::vector<double> const& seconds) {
  auto const all = world.gather(std::span(seconds), 0);
  std::vector<double> result(world.rank() == 0 ? seconds.size() : 0);
  for (std::size_t i = 0; i < all.size(); ++i) result[i % seconds.size()] = std::max(result[i % seconds.size()], all[i]);
  return result;
}

/// Bytes that this rank's ledger counted in each of `exchanges`, which must be those of the message.
std::int64_t counted_bytes(Mesh& mesh, ExchangeId const& id, Message const& message, DType type, std::int64_t exchanges) {
  auto const counted = mesh.ledger().take()[id.index()].volume.payload_bytes;
  auto const bytes = message.payload(mesh.group(id.axis()).rank()) * scalar(type).stored;
  MOESCOPE_CHECK(counted == bytes * exchanges);
  return bytes;
}

template <class T>
Result measured(Mesh& mesh, Plan const& plan, ExchangeId const& id, Result result) {
  Buffers<T> buffers(result.message, mesh.group(id.axis()).rank());
  auto const seconds_of_one = [&] {
    buffers.fill();
    mesh.world().barrier();
    auto const start = now();
    buffers.exchange(mesh, id);
    return now() - start;
  };
  seconds_of_one();
  result.wrong = buffers.wrong();
  for (std::int64_t i = 0; i < plan.warm_up; ++i) seconds_of_one();
  for (std::int64_t i = 0; i < plan.iterations; ++i) result.seconds.push_back(seconds_of_one());
  result.wrong = mesh.world().sum(result.wrong + buffers.wrong());
  auto const counted = counted_bytes(mesh, id, result.message, result.type, 1 + plan.warm_up + plan.iterations);
  result.payload_bytes = mesh.world().sum(counted);
  result.seconds = slowest(mesh.world(), result.seconds);
  return result;
}

}  // namespace

Result measure(Mesh& mesh, Plan const& plan, SameAxes const& axes, Benchmark const& benchmark, DType type, std::int64_t bytes) {
  auto const members = mesh.layout().size(axes.front());
  auto const of = message(benchmark, bytes, scalar(type).stored, members, plan.skew);
  Result const row{benchmark, axes, mesh.layout().ranks() / members, type, of};
  auto const id = mesh.exchange(collective_name(axes.front(), benchmark));
  return with_scalar(type, [&]<class T>(std::type_identity<T>) { return measured<T>(mesh, plan, id, row); });
}

}  // namespace moescope::bench
