#include "comm/ledger.hpp"

#include <cmath>

#include "comm/exchange.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "support/pmpi_counter.hpp"
#include "unit/comm/meshes.hpp"

using namespace moescope;
using namespace moescope::test;
using traffic::Operation;
using traffic::Volume;

namespace {

LedgerEntry taken(Mesh& mesh, Axis axis, Operation operation) {
  return mesh.ledger().take()[exchange(mesh, axis, operation).index()];
}

/// One of each operation over `axis`, in float: 5 values; member m's m + 1 rows of width 3 (all_to_all: to every peer
/// but the last one, which gets none, and to itself).
struct OneOfEach {
  Mesh& mesh;
  Axis axis;
  std::int64_t members = mesh.group(axis).size();
  std::int64_t me = mesh.group(axis).rank();
  std::int64_t total = members * (members + 1) / 2;
  std::vector<std::int64_t> rows{};

  void run(Operation operation) {
    rows.clear();
    for (std::int64_t m = 0; m < members; ++m) rows.push_back(m + 1);
    ExecSpace const exec;
    auto const id = exchange(mesh, axis, operation);
    Matrix<float> const all("test::all", std::size_t(total), 3), own("test::own", std::size_t(me + 1), 3);
    Vector<float> const values("test::values", 5);
    if (operation == Operation::all_reduce) start_all_reduce<float>(exec, mesh, id, Reduction::sum, values).wait();
    if (operation == Operation::all_gather) start_all_gather<float>(exec, mesh, id, own, rows, all).wait();
    if (operation == Operation::reduce_scatter) start_reduce_scatter<float>(exec, mesh, id, all, rows, own).wait();
    if (operation == Operation::all_to_all) all_to_all(exec, id);
  }

  void all_to_all(ExecSpace const& exec, ExchangeId const& id) const {
    std::vector<std::int64_t> send_rows, receive_rows;
    for (std::int64_t peer = 0; peer < members; ++peer) {
      send_rows.push_back(peer == members - 1 ? 0 : me + 1);
      receive_rows.push_back(me == members - 1 ? 0 : peer + 1);
    }
    Matrix<float> const send("test::send", std::size_t((members - 1) * (me + 1)), 3);
    Matrix<float> const receive("test::receive", std::size_t(me == members - 1 ? 0 : total), 3);
    start_all_to_all<float>(exec, mesh, id, send, send_rows, receive, receive_rows).wait();
  }

  Volume expected(Operation operation) const {
    if (operation == Operation::all_reduce) return {5 * 4, 2 * (members - 1), 1};
    if (operation != Operation::all_to_all) return {total * 3 * 4, members - 1, 1};
    auto const peers = members - 1 - (me == members - 1 ? 0 : 1);
    return {peers * (me + 1) * 3 * 4, peers, 1};
  }
};

constexpr Operation operations[] = {Operation::all_reduce, Operation::all_gather, Operation::reduce_scatter,
                                    Operation::all_to_all};

}  // namespace

TEST_CASE("the ledger holds bytes, messages and calls of each exchange, and bytes as PMPI sees them") {
  for_each_mesh([](Mesh& mesh) {
    for (auto const axis : all_axes()) {
      if (mesh.group(axis).size() == 1) continue;  // the next case
      for (auto const operation : operations) {
        OneOfEach one{mesh, axis};
        pmpi_counter::take();
        one.run(operation);
        one.run(operation);
        auto const counted = pmpi_counter::take();
        auto const entry = taken(mesh, axis, operation);
        auto const once = one.expected(operation);
        INFO(exchange_name(axis, operation) << " on " << mesh.layout().describe());
        CHECK(entry.volume == Volume{2 * once.payload_bytes, 2 * once.messages, 2});
        REQUIRE(counted.size() == 1);
        CHECK(counted.at(traffic::name(operation)).bytes == entry.volume.payload_bytes);
        CHECK(counted.at(traffic::name(operation)).calls == entry.volume.calls);
      }
    }
  });
}

TEST_CASE("a group of one makes no call and leaves no entry, listed or not") {
  auto const world = Communicator::world();
  LayoutConfig config;
  config.tp = world.size();
  Mesh mesh(world, Layout(config, world.size()), every_exchange());
  REQUIRE(mesh.group(Axis::dp).size() == 1);
  pmpi_counter::take();
  for (auto const operation : operations) OneOfEach{mesh, Axis::dp}.run(operation);
  auto const gradients = mesh.exchange("dp.gradients");
  REQUIRE(!gradients.listed());
  Vector<float> const values("test::values", 5);
  start_all_reduce<float>(ExecSpace(), mesh, gradients, Reduction::sum, values).wait();
  CHECK(pmpi_counter::take().empty());
  for (auto const& entry : mesh.ledger().take()) CHECK(entry.volume == Volume{});
}

TEST_CASE("control exchanges are ledgered as PMPI sees them") {
  auto const world = Communicator::world();
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  if (world.size() == 1) return;
  std::vector<double> values(3, 1);
  pmpi_counter::take();
  all_gather_control(mesh, mesh.exchange("world.all_gather"), {1, 2, 3, 4});
  all_reduce_control(mesh, mesh.exchange("world.all_reduce"), values);
  auto const counted = pmpi_counter::take();
  auto const entries = mesh.ledger().take();
  auto const gathered = mesh.exchange("world.all_gather").index();
  auto const reduced = mesh.exchange("world.all_reduce").index();
  CHECK(entries[gathered].volume == Volume{world.size() * 4 * 8, world.size() - 1, 1});
  CHECK(entries[reduced].volume == Volume{3 * 8, 2 * (world.size() - 1), 1});
  CHECK(counted.at("all_gather").bytes == entries[gathered].volume.payload_bytes);
  CHECK(counted.at("all_reduce").bytes == entries[reduced].volume.payload_bytes);
}

TEST_CASE("a reduction above the size of a piece is one exchange of several calls, exact and as PMPI sees them") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange(), 16);
  auto const messages = std::int64_t(world.size() - 1);
  auto const reduced = mesh.exchange("world.all_reduce"), scattered = mesh.exchange("world.reduce_scatter");

  auto const values = matrix<float>(1, 9, [](auto, auto j) { return j + 1; });
  pmpi_counter::take();
  start_all_reduce<float>(ExecSpace(), mesh, reduced, Reduction::sum, values).wait();
  std::vector<double> control{1, 2, 3};
  all_reduce_control(mesh, reduced, control);
  auto counted = pmpi_counter::take();
  auto const sum = mesh.ledger().take()[reduced.index()].volume;
  MPI_REQUIRE(world, equals(values, [&](auto, auto j) { return world.size() * (j + 1); }));
  MPI_REQUIRE(world, control == std::vector<double>{1.0 * world.size(), 2.0 * world.size(), 3.0 * world.size()});
  CHECK(sum == Volume{9 * 4 + 3 * 8, 2 * messages * (3 + 2), 3 + 2});
  CHECK(counted["all_reduce"].calls == sum.calls);
  CHECK(counted["all_reduce"].bytes == sum.payload_bytes);

  // The last member has two rows of three, the others one: pieces of four elements end within rows.
  std::vector<std::int64_t> rows(std::size_t(world.size()), 1);
  rows.back() = 2;
  auto const all = matrix<float>(world.size() + 1, 3, [](auto i, auto j) { return 3 * i + j; });
  auto const own = matrix<float>(rows[std::size_t(world.rank())], 3, [](auto, auto) { return -1; });
  start_reduce_scatter<float>(ExecSpace(), mesh, scattered, all, rows, own).wait();
  counted = pmpi_counter::take();
  auto const parts = mesh.ledger().take()[scattered.index()].volume;
  std::int64_t const calls = (3 * (world.size() + 1) + 3) / 4;
  MPI_REQUIRE(world, equals(own, [&](auto i, auto j) { return world.size() * (3 * (world.rank() + i) + j); }));
  CHECK(parts == Volume{3 * 4 * (world.size() + 1), messages * calls, calls});
  CHECK(counted["reduce_scatter"].calls == calls);
  CHECK(counted["reduce_scatter"].bytes == parts.payload_bytes);
}

TEST_CASE("take empties the ledger") {
  Ledger ledger({{"a", Axis::tp, Operation::all_reduce}, {"b", Axis::dp, Operation::all_gather}});
  ledger.append(ledger.exchange("b"), {{10, 2, 1}, 0.5, 0.25});
  ledger.append(ledger.exchange("b"), {{5, 1, 1}, 0.5, 0.25});
  auto const entries = ledger.take();
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].volume == Volume{});
  CHECK(entries[1].volume == Volume{15, 3, 2});
  CHECK(entries[1].wait_seconds == 1.0);
  CHECK(entries[1].transfer_seconds == 0.5);
  CHECK(ledger.take()[1].volume == Volume{});
}

TEST_CASE("the ledger knows the exchanges of its list and of every other configuration, and refuses other names") {
  Ledger ledger({{"tp.sum", Axis::tp, Operation::all_reduce}});
  auto const listed = ledger.exchange("tp.sum");
  CHECK(listed.name() == "tp.sum");
  CHECK(listed.axis() == Axis::tp);
  CHECK(listed.operation() == Operation::all_reduce);
  CHECK(listed.index() == 0);
  CHECK_THROWS_AS(ledger.exchange("tp.summ"), std::logic_error);
  CHECK_THROWS_WITH(ledger.exchange("tp.summ"), "ledger: there is no exchange 'tp.summ'");
  auto const elsewhere = ledger.exchange("dp.gradients");
  CHECK(elsewhere.axis() == Axis::dp);
  CHECK_THROWS_AS(elsewhere.index(), std::logic_error);
  CHECK_THROWS_WITH(ledger.append(elsewhere, {}),
                    "ledger: this configuration has no exchange 'dp.gradients' (all_reduce over dp)");
  CHECK_THROWS_AS(Ledger({{"a", Axis::tp, Operation::all_reduce}, {"a", Axis::dp, Operation::all_reduce}}), std::logic_error);
}

TEST_CASE("an exchange that is not listed is refused before anything is sent") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  Vector<float> const values("test::values", 4);
  pmpi_counter::take();
  CHECK_THROWS_AS(
      start_all_reduce<float>(ExecSpace(), mesh, mesh.exchange(traffic::names::router_gradients), Reduction::sum, values),
      std::logic_error);
  CHECK(pmpi_counter::take().empty());
}

TEST_CASE("phased exchanges tell wait from transfer at once, free ones stamp every call") {
  auto const world = Communicator::world();
  if (world.size() == 1) return;
  Mesh mesh(world, Layout(LayoutConfig(), world.size()), every_exchange());
  for (auto const operation : operations) {
    mesh.set_phased(false);
    OneOfEach{mesh, Axis::world}.run(operation);
    REQUIRE(mesh.ledger().stamps().size() == 1);
    auto const stamp = mesh.ledger().stamps().front();
    CHECK(stamp.exit >= stamp.entry);
    CHECK(stamp.axis == Axis::world);
    auto const free = taken(mesh, Axis::world, operation);
    CHECK(free.wait_seconds == 0);
    CHECK(mesh.ledger().stamps().empty());
    mesh.set_phased(true);
    OneOfEach{mesh, Axis::world}.run(operation);
    auto const phased = taken(mesh, Axis::world, operation);
    CHECK(mesh.ledger().stamps().empty());
    CHECK(phased.wait_seconds > 0);
    CHECK(phased.transfer_seconds > 0);
    CHECK(phased.volume == free.volume);
  }
}
