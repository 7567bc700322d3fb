#include "comm/exchange.hpp"

#include <numeric>
#include <type_traits>

#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "unit/comm/meshes.hpp"

using namespace moescope;
using namespace moescope::test;
using traffic::Operation;

namespace {

/// Ragged: 0, 2, 1, 0, 2, ... rows, shifted so that each member is the empty one once.
std::vector<std::int64_t> ragged(std::int64_t members, std::int64_t shift) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < members; ++i) rows.push_back((2 * (i + shift)) % 3);
  return rows;
}

std::int64_t ragged_rows(std::int64_t source, std::int64_t target) { return (source + 2 * target) % 3; }

template <class T>
bool all_reduce_is_exact(Mesh& mesh, Axis axis, std::int64_t size, Reduction reduction) {
  auto const group = group_of(mesh, axis);
  auto const values = matrix<T>(1, size, [&](auto, auto j) { return mark(mesh.rank(), 0, 0, j % 16); });
  start_all_reduce<T>(ExecSpace(), mesh, exchange(mesh, axis, Operation::all_reduce), reduction, values).wait();
  return equals(values, [&](auto, auto j) {
    double sum = 0, largest = 0;
    for (auto const member : group.members) {
      sum += mark(member, 0, 0, j % 16);
      largest = std::max(largest, mark(member, 0, 0, j % 16));
    }
    return reduction == Reduction::sum ? sum : largest;
  });
}

template <class T>
bool all_gather_is_exact(Mesh& mesh, Axis axis, std::vector<std::int64_t> const& rows, std::int64_t width) {
  auto const group = group_of(mesh, axis);
  auto const total = std::accumulate(rows.begin(), rows.end(), std::int64_t(0));
  auto const own = matrix<T>(rows[group.me], width, [&](auto i, auto j) { return mark(mesh.rank(), 0, i, j); });
  auto const all = matrix<T>(total, width, [](auto, auto) { return -1; });
  start_all_gather<T>(ExecSpace(), mesh, exchange(mesh, axis, Operation::all_gather), own, rows, all).wait();
  std::vector<std::pair<std::int64_t, std::int64_t>> origin;  // member and row of each gathered row
  for (std::size_t m = 0; m < rows.size(); ++m)
    for (std::int64_t i = 0; i < rows[m]; ++i) origin.emplace_back(group.members[m], i);
  return equals(all, [&](auto i, auto j) { return mark(origin[std::size_t(i)].first, 0, origin[std::size_t(i)].second, j); });
}

template <class T>
bool reduce_scatter_is_exact(Mesh& mesh, Axis axis, std::vector<std::int64_t> const& rows, std::int64_t width) {
  auto const group = group_of(mesh, axis);
  auto const total = std::accumulate(rows.begin(), rows.end(), std::int64_t(0));
  auto const first = std::accumulate(rows.begin(), rows.begin() + std::int64_t(group.me), std::int64_t(0));
  auto const all = matrix<T>(total, width, [&](auto i, auto j) { return mark(mesh.rank(), 0, i, j); });
  auto const own = matrix<T>(rows[group.me], width, [](auto, auto) { return -1; });
  start_reduce_scatter<T>(ExecSpace(), mesh, exchange(mesh, axis, Operation::reduce_scatter), all, rows, own).wait();
  return equals(own, [&](auto i, auto j) {
    double sum = 0;
    for (auto const member : group.members) sum += mark(member, 0, first + i, j);
    return sum;
  });
}

/// rows(source, target) rows travel from each member of the group to each, itself included.
template <class T, class RowsOf>
bool all_to_all_is_exact(Mesh& mesh, Axis axis, std::int64_t width, RowsOf&& rows_of) {
  auto const group = group_of(mesh, axis);
  std::vector<std::int64_t> send_rows, receive_rows;
  std::vector<std::pair<std::int64_t, std::int64_t>> sent, received;  // peer and row
  for (std::int64_t peer = 0; peer < group.size(); ++peer) {
    send_rows.push_back(rows_of(std::int64_t(group.me), peer));
    receive_rows.push_back(rows_of(peer, std::int64_t(group.me)));
    for (std::int64_t i = 0; i < send_rows.back(); ++i) sent.emplace_back(group.members[std::size_t(peer)], i);
    for (std::int64_t i = 0; i < receive_rows.back(); ++i) received.emplace_back(group.members[std::size_t(peer)], i);
  }
  auto const send = matrix<T>(std::int64_t(sent.size()), width, [&](auto i, auto j) {
    return mark(mesh.rank(), sent[std::size_t(i)].first, sent[std::size_t(i)].second, j);
  });
  auto const receive = matrix<T>(std::int64_t(received.size()), width, [](auto, auto) { return -1; });
  start_all_to_all<T>(ExecSpace(), mesh, exchange(mesh, axis, Operation::all_to_all), send, send_rows, receive, receive_rows)
      .wait();
  Kokkos::fence("test::read");
  return equals(receive, [&](auto i, auto j) {
    return mark(received[std::size_t(i)].first, mesh.rank(), received[std::size_t(i)].second, j);
  });
}

}  // namespace

TEMPLATE_TEST_CASE("all_reduce adds and compares exactly along every axis of every layout", "", float, double) {
  for_each_mesh([](Mesh& mesh) {
    for (auto const axis : all_axes()) {
      for (auto const size : {0, 1, 17, 5000}) {
        bool const sum = all_reduce_is_exact<TestType>(mesh, axis, size, Reduction::sum);
        bool const largest = all_reduce_is_exact<TestType>(mesh, axis, size, Reduction::max);
        MPI_REQUIRE(mesh.world(), sum);
        MPI_REQUIRE(mesh.world(), largest);
      }
    }
  });
}

TEMPLATE_TEST_CASE("all_gather and reduce_scatter are exact for ragged rows, none included", "", float, double) {
  for_each_mesh([](Mesh& mesh) {
    for (auto const axis : all_axes()) {
      for (std::int64_t width : {1, 3}) {
        for (std::int64_t shift : {0, 1, 2}) {
          auto const rows = ragged(mesh.group(axis).size(), shift);
          bool const gathered = all_gather_is_exact<TestType>(mesh, axis, rows, width);
          bool const scattered = reduce_scatter_is_exact<TestType>(mesh, axis, rows, width);
          MPI_REQUIRE(mesh.world(), gathered);
          MPI_REQUIRE(mesh.world(), scattered);
        }
        std::vector<std::int64_t> const none(std::size_t(mesh.group(axis).size()), 0);
        bool const gathered_none = all_gather_is_exact<TestType>(mesh, axis, none, width);
        bool const scattered_none = reduce_scatter_is_exact<TestType>(mesh, axis, none, width);
        MPI_REQUIRE(mesh.world(), gathered_none);
        MPI_REQUIRE(mesh.world(), scattered_none);
      }
    }
  });
}

TEMPLATE_TEST_CASE("all_to_all is exact for ragged rows, none and all to one", "", float, double) {
  for_each_mesh([](Mesh& mesh) {
    for (auto const axis : all_axes()) {
      for (std::int64_t width : {1, 3}) {
        bool const some = all_to_all_is_exact<TestType>(mesh, axis, width, ragged_rows);
        bool const none = all_to_all_is_exact<TestType>(mesh, axis, width, [](auto, auto) { return 0; });
        bool const one = all_to_all_is_exact<TestType>(mesh, axis, width, [](auto, auto target) { return target == 0 ? 4 : 0; });
        MPI_REQUIRE(mesh.world(), some);
        MPI_REQUIRE(mesh.world(), none);
        MPI_REQUIRE(mesh.world(), one);
      }
    }
  });
}

TEST_CASE("a rank without rows may bring matrices without columns") {
  for_each_mesh([](Mesh& mesh) {
    auto const group = group_of(mesh, Axis::world);
    std::vector<std::int64_t> rows(std::size_t(group.size()), 0);
    rows[0] = 2;
    bool const first = group.me == 0;
    auto const own = first ? matrix<double>(2, 3, [](auto i, auto j) { return mark(1, 1, i, j); }) : Matrix<double>();
    auto const all = matrix<double>(2, 3, [](auto, auto) { return -1; });
    start_all_gather<double>(ExecSpace(), mesh, mesh.exchange("world.all_gather"), own, rows, all).wait();
    MPI_REQUIRE(mesh.world(), equals(all, [](auto i, auto j) { return mark(1, 1, i, j); }));
  });
}

TEST_CASE("two exchanges may be under way at once") {
  for_each_mesh([](Mesh& mesh) {
    auto const group = group_of(mesh, Axis::world);
    std::vector<std::int64_t> const rows(std::size_t(group.size()), 1);
    auto const own = matrix<double>(1, 2, [&](auto, auto j) { return mark(mesh.rank(), 0, 0, j); });
    auto const send = matrix<double>(group.size(), 2, [&](auto i, auto j) { return mark(mesh.rank(), i, 0, j); });
    auto const all = matrix<double>(group.size(), 2, [](auto, auto) { return -1; });
    auto const receive = matrix<double>(group.size(), 2, [](auto, auto) { return -1; });
    auto first = start_all_gather<double>(ExecSpace(), mesh, mesh.exchange("world.all_gather"), own, rows, all);
    auto second = start_all_to_all<double>(ExecSpace(), mesh, mesh.exchange("world.all_to_all"), send, rows, receive, rows);
    second.wait();
    first.wait();
    Kokkos::fence("test::read");
    MPI_REQUIRE(mesh.world(), equals(all, [](auto i, auto j) { return mark(i, 0, 0, j); }));
    MPI_REQUIRE(mesh.world(), equals(receive, [&](auto i, auto j) { return mark(i, mesh.rank(), 0, j); }));
  });
}

TEST_CASE("an exchange that is dropped completes, and is in the ledger") {
  for_each_mesh([](Mesh& mesh) {
    auto const group = group_of(mesh, Axis::world);
    std::vector<std::int64_t> const rows(std::size_t(group.size()), 1);
    auto const all = matrix<double>(group.size(), 2, [](auto, auto) { return -1; });
    {
      // No other View of what is sent is left when the exchange is dropped.
      auto const dropped =
          start_all_gather<double>(ExecSpace(), mesh, mesh.exchange("world.all_gather"),
                                   matrix<double>(1, 2, [&](auto, auto j) { return mark(mesh.rank(), 0, 0, j); }), rows, all);
    }
    MPI_REQUIRE(mesh.world(), equals(all, [](auto i, auto j) { return mark(i, 0, 0, j); }));
    auto const entry = mesh.ledger().take()[std::size_t(mesh.exchange("world.all_gather").index())];
    MPI_REQUIRE(mesh.world(), entry.volume.calls == (group.size() > 1 ? 1 : 0));
  });
}

TEST_CASE("an exchange is waited for once, by whoever holds it") {
  for_each_mesh([](Mesh& mesh) {
    auto const id = mesh.exchange("world.all_reduce");
    auto const calls = [&] { return mesh.ledger().take()[id.index()].volume.calls; };
    auto const start = [&] {
      Vector<double> const values("test::values", 4);
      return start_all_reduce<double>(ExecSpace(), mesh, id, Reduction::sum, values);
    };
    std::int64_t const one = mesh.world().size() > 1 ? 1 : 0;
    auto first = start();
    auto second = std::move(first);
    first.wait();  // NOLINT(bugprone-use-after-move): what is tested
    MPI_REQUIRE(mesh.world(), calls() == 0);
    second.wait();
    second.wait();
    MPI_REQUIRE(mesh.world(), calls() == one);
    auto third = start();
    third = start();
    MPI_REQUIRE(mesh.world(), calls() == one);
    third.wait();
    MPI_REQUIRE(mesh.world(), calls() == one);
    third = Exchange();
    MPI_REQUIRE(mesh.world(), calls() == 0);
  });
  STATIC_REQUIRE(!std::is_copy_constructible_v<Exchange>);
  STATIC_REQUIRE(!std::is_copy_assignable_v<Exchange>);
}

TEST_CASE("a View that owns no memory, or an exchange of another operation, is a programmer's error") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  Vector<double> const values("test::values", 4);
  Vector<double> const alias(values.data(), values.extent(0));
  auto const sum = mesh.exchange("world.all_reduce");
  CHECK_THROWS_AS(start_all_reduce<double>(ExecSpace(), mesh, sum, Reduction::sum, alias), std::logic_error);
  CHECK_THROWS_WITH(start_all_reduce<double>(ExecSpace(), mesh, mesh.exchange("world.all_gather"), Reduction::sum, values),
                    "ledger: exchange 'world.all_gather' (all_gather over world) is started as all_reduce");
  CHECK_THROWS_AS(all_gather_control(mesh, sum, {1}), std::logic_error);
}

TEST_CASE("control numbers are gathered and added over the group") {
  for_each_mesh([](Mesh& mesh) {
    for (auto const axis : all_axes()) {
      auto const group = group_of(mesh, axis);
      std::vector<std::int64_t> table;
      double sum = 0;
      for (auto const member : group.members) {
        table.insert(table.end(), {member, member * member});
        sum += double(member);
      }
      auto const gathered = all_gather_control(mesh, exchange(mesh, axis, Operation::all_gather),
                                               {mesh.rank(), std::int64_t(mesh.rank()) * mesh.rank()});
      std::vector<double> values{double(mesh.rank()), 1};
      all_reduce_control(mesh, exchange(mesh, axis, Operation::all_reduce), values);
      MPI_REQUIRE(mesh.world(), gathered == table);
      MPI_REQUIRE(mesh.world(), values == std::vector<double>{sum, double(group.size())});
    }
  });
}

TEST_CASE("rows that do not match the matrices are a programmer's error") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  std::vector<std::int64_t> const rows(std::size_t(world.size()), 1);
  Matrix<float> const own("test::own", 2, 3), all("test::all", std::size_t(world.size()), 3);
  CHECK_THROWS_AS(start_all_gather<float>(ExecSpace(), mesh, mesh.exchange("world.all_gather"), own, rows, all),
                  std::logic_error);
  CHECK_THROWS_AS(start_reduce_scatter<float>(ExecSpace(), mesh, mesh.exchange("world.reduce_scatter"), all, rows, own),
                  std::logic_error);
}
