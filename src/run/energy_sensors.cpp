#include "run/energy_sensors.hpp"

#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <sstream>

#include "base/host.hpp"
#include "base/views.hpp"
#include "energy/powercap.hpp"

namespace moescope {

namespace {

constexpr bool on_gpu = !Kokkos::SpaceAccessibility<ExecSpace, Kokkos::HostSpace>::accessible;

bool is_first_of_its_host(std::vector<std::string> const& hosts, std::size_t rank) {
  return std::size_t(std::find(hosts.begin(), hosts.end(), hosts[rank]) - hosts.begin()) == rank;
}

/// Whether this rank is; rank 0 knows the hosts of all.
bool first_of_host(Communicator const& world, std::vector<std::string> const& hosts) {
  std::vector<char> first;
  for (std::size_t rank = 0; rank < hosts.size(); ++rank) first.push_back(char(is_first_of_its_host(hosts, rank)));
  world.broadcast(first, 0);
  return first.at(std::size_t(world.rank())) != 0;
}

/// A line each.
std::string names_in_lines(std::vector<EnergyCounter> const& counters) {
  std::string lines;
  for (auto const& counter : counters) lines += counter.name + "\n";
  return lines;
}

void append_sensors(std::string const& host, std::string const& names, std::int64_t rank, std::vector<EnergySensor>& sensors) {
  std::istringstream lines(names);
  std::size_t index = 0;
  for (std::string name; std::getline(lines, name);) sensors.push_back({host + ":" + name, rank, index++});
}

/// `reasons`: of each rank, empty where it reads no counter or all that there are.
std::string absence(std::vector<std::string> const& hosts, std::vector<std::string> const& reasons) {
  auto const told = [](std::string const& reason) { return !reason.empty(); };
  auto const first = std::find_if(reasons.begin(), reasons.end(), told);
  if (first == reasons.end()) return "";
  return fmt::format("RAPL on {} of the hosts, {} first: {}", std::count_if(reasons.begin(), reasons.end(), told),
                     hosts.at(std::size_t(first - reasons.begin())), *first);
}

}  // namespace

EnergyMeter find_energy_sensors(Communicator const& world, RunFileSetup& setup) {
  EnergyCounters counters;
  if (first_of_host(world, setup.hosts)) counters = open_powercap(powercap_root());
  auto const width = std::size_t(world.max(double(counters.found.size())));
  auto const names = world.gather(names_in_lines(counters.found), 0), reasons = world.gather(counters.absent, 0);
  for (std::size_t rank = 0; rank < names.size(); ++rank)
    append_sensors(setup.hosts.at(rank), names[rank], std::int64_t(rank), setup.energy.sensors);
  auto const rapl = absence(setup.hosts, reasons);
  setup.energy.whole = rapl.empty() && !on_gpu;
  setup.energy.absent = (rapl.empty() ? "" : rapl + "; ") + "GPUs: NVML is not built in";
  return {std::move(counters.found), width};
}

std::vector<EnergySensor> energy_sensors_here() {
  std::vector<EnergySensor> sensors;
  append_sensors(host_name(), names_in_lines(open_powercap(powercap_root()).found), 0, sensors);
  return sensors;
}

}  // namespace moescope
