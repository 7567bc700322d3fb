#include <cstring>

#include "base/random.hpp"
#include "comm/exchange.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "unit/comm/meshes.hpp"

using namespace moescope;
using namespace moescope::test;

namespace {

/// Numbers of both signs over many magnitudes, so that another order of addition shows.
template <class T>
std::vector<T> wild_values(std::int64_t size, int rank) {
  RandomStream const stream(7, Purpose::gate_noise, 0, rank);
  std::vector<T> values;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(T(stream.normal(i, 0) * std::exp2(double(i % 21) - 10)));
  return values;
}

template <class T>
std::vector<T> all_reduced(Mesh& mesh, std::vector<T> values) {
  Vector<T> const device = make_vector<T>("test::values", std::int64_t(values.size()));
  Kokkos::View<T*, Kokkos::HostSpace, Kokkos::MemoryUnmanaged> const host(values.data(), values.size());
  Kokkos::deep_copy(device, host);
  start_all_reduce<T>(ExecSpace(), mesh, mesh.exchange("world.all_reduce"), Reduction::sum, device).wait();
  Kokkos::deep_copy(host, device);
  return values;
}

template <class T>
bool same_bits(std::vector<T> const& a, std::vector<T> const& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
std::vector<T> of_rank_zero(Communicator const& world, std::vector<T> const& values) {
  std::vector<char> bytes(values.size() * sizeof(T));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  world.broadcast(bytes, 0);
  std::vector<T> result(values.size());
  std::memcpy(result.data(), bytes.data(), bytes.size());
  return result;
}

}  // namespace

TEMPLATE_TEST_CASE("all_reduce gives every rank the same bits, in every repetition", "", float, double) {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  for (std::int64_t size : {1, 3, 8, 1000, 4097, 300001}) {
    auto const values = wild_values<TestType>(size, world.rank());
    auto const first = all_reduced(mesh, values);
    MPI_REQUIRE(world, same_bits(first, of_rank_zero(world, first)));
    for (int repetition = 0; repetition < 5; ++repetition) {
      auto const again = all_reduced(mesh, values);
      MPI_REQUIRE(world, same_bits(first, again));
    }
  }
}

TEST_CASE("reduce_scatter repeats its bits") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  for (std::int64_t rows_each : {1, 50, 3000}) {
    std::vector<std::int64_t> rows(std::size_t(world.size()), rows_each);
    rows.back() = 0;
    rows.front() += rows_each;
    auto const values = wild_values<float>(rows_each * world.size() * 16, world.rank());
    auto const all = matrix<float>(rows_each * world.size(), 16, [&](auto i, auto j) { return values[std::size_t(i * 16 + j)]; });
    auto const scattered = [&] {
      auto const own = make_matrix<float>("test::own", rows[std::size_t(world.rank())], 16);
      start_reduce_scatter<float>(ExecSpace(), mesh, mesh.exchange("world.reduce_scatter"), all, rows, own).wait();
      return own;
    };
    auto const first = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace(), scattered());
    for (int repetition = 0; repetition < 5; ++repetition) {
      auto const again = scattered();
      MPI_REQUIRE(world, equals(again, [&](auto i, auto j) { return first(i, j); }));
    }
  }
}
