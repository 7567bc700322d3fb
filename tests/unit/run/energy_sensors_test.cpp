#include "run/energy_sensors.hpp"

#include <cmath>
#include <cstdlib>
#include <memory>

#include "equivalence/cases.hpp"
#include "step/trainer.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "unit/energy/powercap_tree.hpp"

using namespace moescope;
using namespace moescope::testing;

namespace {

using Names = std::vector<std::string>;

/// Of this rank's meter, and of the setup that rank 0 knows, with ranks on `hosts`.
struct Found {
  Found(Communicator const& world, Names const& hosts, std::string const& tree) : setup(plain_setup(world)) {
    if (world.rank() == 0) setup.hosts = hosts;
    setenv("MOESCOPE_POWERCAP", tree.c_str(), 1);
    meter = find_energy_sensors(world, setup);
    unsetenv("MOESCOPE_POWERCAP");
    for (auto const& sensor : setup.energy.sensors) names.push_back(sensor.name);
  }
  static RunFileSetup plain_setup(Communicator const& world) {
    auto const config = equivalence::base_config();
    return {config, Layout(config.layout, world.size()), {}, {}, {}};
  }

  RunFileSetup setup;
  EnergyMeter meter;
  Names names;
};

}  // namespace

TEST_CASE("one rank of each host reads its sensors, and rank 0 knows them by host") {
  auto const world = Communicator::world();
  TemporaryFolder const tree;  // each rank's own
  write_zone(tree, "intel-rapl:0", "package-0", 1'000'000);
  if (world.rank() > 0) write_zone(tree, "intel-rapl:0:0", "dram", 1'000'000);
  Names hosts(std::size_t(world.size()), "alpha");
  Found const together(world, hosts, tree.path());
  MPI_REQUIRE(world, together.names == (world.rank() == 0 ? Names{"alpha:package-0"} : Names{}));
  MPI_REQUIRE(world, together.meter.joules().size() == 1);
  MPI_REQUIRE(world, std::isnan(together.meter.joules()[0]) == (world.rank() > 0));
  MPI_REQUIRE(
      world, world.rank() > 0 || (together.setup.energy.whole && together.setup.energy.absent.find("RAPL") == std::string::npos));
  hosts.back() = "omega";
  Found const apart(world, hosts, tree.path());
  auto const both = Names{"alpha:package-0", "omega:package-0", "omega:package-0:dram"};
  auto const expected = world.size() == 1 ? Names{"omega:package-0"} : both;
  MPI_REQUIRE(world, apart.names == (world.rank() == 0 ? expected : Names{}));
  MPI_REQUIRE(world, apart.meter.joules().size() == std::size_t(world.size() == 1 ? 1 : 2));
  MPI_REQUIRE(world, world.rank() > 0 || apart.setup.energy.sensors.back().rank == world.size() - 1);
}

TEST_CASE("where a host has no sensor, the job's energy is not whole, and host and reason are told") {
  auto const world = Communicator::world();
  TemporaryFolder const tree;
  if (world.rank() != world.size() - 1) write_zone(tree, "intel-rapl:0", "package-0", 1'000'000);
  Names hosts(std::size_t(world.size()), "alpha");
  hosts.back() = "omega";
  Found const found(world, hosts, tree.path());
  MPI_REQUIRE(world, found.names.size() == std::size_t(world.rank() == 0 ? world.size() - 1 : 0));
  MPI_REQUIRE(world, world.rank() > 0 || !found.setup.energy.whole);
  MPI_REQUIRE(world, world.rank() > 0 || found.setup.energy.absent.starts_with("RAPL on 1 of the hosts, omega first: /"));
  MPI_REQUIRE(world, world.rank() > 0 || found.setup.energy.absent.ends_with("no package of a processor"));
}

TEST_CASE("GPUs are sensors beside the processors, and no energy is whole without them") {
  auto const world = Communicator::world();
  TemporaryFolder const tree;
  write_zone(tree, "intel-rapl:0", "package-0", 1'000'000);
  Names const hosts(std::size_t(world.size()), "alpha");
  setenv("MOESCOPE_NVML", FAKE_NVML, 1);
  Found const found(world, hosts, tree.path());
  setenv("MOESCOPE_NVML", "/nowhere/libnvidia-ml.so.1", 1);
  Found const lost(world, hosts, tree.path());
  unsetenv("MOESCOPE_NVML");
  auto const both = Names{"alpha:package-0", "alpha:gpu-0", "alpha:gpu-1"};
  MPI_REQUIRE(world, found.names == (world.rank() == 0 ? both : Names{}));
  MPI_REQUIRE(world, world.rank() > 0 || (found.setup.energy.whole && found.setup.energy.absent.empty()));
  MPI_REQUIRE(world, world.rank() > 0 || (!lost.setup.energy.whole && lost.names == Names{"alpha:package-0"}));
  MPI_REQUIRE(world, world.rank() > 0 || lost.setup.energy.absent.starts_with("NVML on 1 of the hosts, alpha first: /nowhere/"));
}

TEST_CASE("a step reads each counter once before it begins and once when it has ended") {
  auto const world = Communicator::world();
  auto config = equivalence::base_config();
  Layout const layout(config.layout, world.size());
  Mesh mesh(world, layout, traffic::collectives(config, layout));
  Trainer<double> trainer(config, mesh);
  auto const source = equivalence::synthetic_source(config);
  auto const before = trainer.step(source, 0, 2);
  MPI_REQUIRE(world, before.own.energy_joules.empty());
  auto const reads = std::make_shared<std::int64_t>(0);
  trainer.set_energy_meter(EnergyMeter({{"counter", 1'000'000'000, [reads] { return 1'000'000 * ++*reads; }}}, 1));
  auto const at_first = *reads;
  auto const report = trainer.step(source, 1, 2);
  MPI_REQUIRE(world, report.own.energy_joules == std::vector<double>{1});
  MPI_REQUIRE(world, *reads == at_first + 2);
}
