#include "run/energy_sensors.hpp"

#include <fmt/format.h>

#include <Kokkos_Core.hpp>
#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "base/host.hpp"
#include "base/views.hpp"
#include "energy/nvml.hpp"
#include "energy/powercap.hpp"

namespace moescope {

namespace {

/// A build for CPUs has GPUs counted only where a test names their library.
bool counts_gpus() {
  constexpr bool on_gpu = !Kokkos::SpaceAccessibility<ExecSpace, Kokkos::HostSpace>::accessible;
  auto const* named = std::getenv("MOESCOPE_NVML");
  return on_gpu || (named && *named);
}

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
std::string absence(char const* what, std::vector<std::string> const& hosts, std::vector<std::string> const& reasons) {
  auto const told = [](std::string const& reason) { return !reason.empty(); };
  auto const first = std::find_if(reasons.begin(), reasons.end(), told);
  if (first == reasons.end()) return "";
  return fmt::format("{} on {} of the hosts, {} first: {}", what, std::count_if(reasons.begin(), reasons.end(), told),
                     hosts.at(std::size_t(first - reasons.begin())), *first);
}

std::string joined(std::string const& one, std::string const& other) {
  return one + (one.empty() || other.empty() ? "" : "; ") + other;
}

/// Of this host.
struct Counters {
  EnergyCounters processors, gpus;

  static Counters open() {
    Counters counters = {open_powercap(powercap_root()), {}};
    if (counts_gpus()) counters.gpus = open_nvml(nvml_library());
    return counters;
  }
  std::vector<EnergyCounter> all() const {
    auto counters = processors.found;
    counters.insert(counters.end(), gpus.found.begin(), gpus.found.end());
    return counters;
  }
};

}  // namespace

EnergyMeter find_energy_sensors(Communicator const& world, RunFileSetup& setup) {
  auto const here = first_of_host(world, setup.hosts) ? Counters::open() : Counters{};
  auto const counters = here.all();
  auto const width = std::size_t(world.max(double(counters.size())));
  auto const names = world.gather(names_in_lines(counters), 0);
  auto const of_processors = world.gather(here.processors.absent, 0), of_gpus = world.gather(here.gpus.absent, 0);
  for (std::size_t rank = 0; rank < names.size(); ++rank)
    append_sensors(setup.hosts.at(rank), names[rank], std::int64_t(rank), setup.energy.sensors);
  setup.energy.absent = joined(absence("RAPL", setup.hosts, of_processors), absence("NVML", setup.hosts, of_gpus));
  setup.energy.whole = setup.energy.absent.empty();
  return {counters, width};
}

std::vector<EnergySensor> energy_sensors_here() {
  std::vector<EnergySensor> sensors;
  append_sensors(host_name(), names_in_lines(Counters::open().all()), 0, sensors);
  return sensors;
}

}  // namespace moescope
