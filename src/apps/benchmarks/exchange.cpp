#include "comm/exchange.hpp"

#include <fmt/format.h>

#include <numeric>

#include "apps/benchmarks/cases.hpp"
#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "comm/raw_all_to_all.hpp"
#include "kernels/gemm_probe.hpp"
#include "traffic/traffic.hpp"

namespace moescope::benchmarks {

namespace {

/// Rows that each rank sends to each: uneven, the same in both programs.
std::vector<std::int64_t> rows_to_peers(std::int64_t rank, std::int64_t ranks, std::int64_t rows) {
  std::vector<std::int64_t> counts;
  for (std::int64_t peer = 0; peer < ranks; ++peer) counts.push_back(rows / ranks + (rank + 2 * peer) % 5);
  return counts;
}

struct Rows {
  std::vector<std::int64_t> sent, received;
  Matrix<float> send, receive;
  explicit Rows(std::int64_t rows, std::int64_t width) {
    std::int64_t const ranks = world().size(), me = world().rank();
    sent = rows_to_peers(me, ranks, rows);
    for (std::int64_t peer = 0; peer < ranks; ++peer) received.push_back(rows_to_peers(peer, ranks, rows)[std::size_t(me)]);
    auto const total = [](auto const& counts) { return std::accumulate(counts.begin(), counts.end(), std::int64_t(0)); };
    send = make_matrix<float>("benchmarks::send", total(sent), width);
    receive = make_matrix<float>("benchmarks::receive", total(received), width);
    kernels::fill_random<float>(ExecSpace(), 1, send);
    Kokkos::deep_copy(receive, 0.0f);
  }
  double bytes() const { return double(send.size() * sizeof(float)); }
};

void ledgered(benchmark::State& state, std::int64_t rows, std::int64_t width) {
  auto config = cases().front().config;
  config.layout.ep = world().size();
  config.layout.etp = 1;
  Layout const layout(config.layout, world().size());
  Mesh mesh(world(), layout, traffic::collectives(config, layout));
  auto const exchange = mesh.exchange(traffic::names::dispatch_forward);
  Rows const r(rows, width);
  measure(state, [&] {
    start_all_to_all<float>(ExecSpace(), mesh, exchange, r.send, r.sent, r.receive, r.received).wait();
    mesh.ledger().take();
  });
  report_bytes(state, r.bytes());
}

void raw(benchmark::State& state, std::int64_t rows, std::int64_t width) {
  Rows const r(rows, width);
  measure(state, [&] { raw_all_to_all(world(), r.send.data(), r.sent, r.receive.data(), r.received, width); });
  report_bytes(state, r.bytes());
}

}  // namespace

void add_exchange() {
  if (world().size() == 1) return;
  std::int64_t const width = 1024;
  for (std::int64_t const rows : {16, 128, 1024, 8192}) {
    add(fmt::format("all_to_all/moescope/rows:{}", rows), 20, [=](auto& state) { ledgered(state, rows, width); });
    add(fmt::format("all_to_all/MPI_Alltoallv/rows:{}", rows), 20, [=](auto& state) { raw(state, rows, width); });
  }
}

}  // namespace moescope::benchmarks
