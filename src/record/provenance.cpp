#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <string_view>

#include "base/host.hpp"
#include "record/build_identification.hpp"
#include "record/hdf5/handle.hpp"
#include "record/run_file.hpp"

extern char** environ;

namespace moescope {
namespace {

std::string processor() {
  std::ifstream information("/proc/cpuinfo");
  for (std::string line; std::getline(information, line);)
    if (line.starts_with("model name") && line.find(": ") != std::string::npos) return line.substr(line.find(": ") + 2);
  return "unknown";
}

std::string clock_resolution() {
  using Clock = std::chrono::steady_clock;
  double const tick = double(Clock::period::num) / double(Clock::period::den);
  return fmt::format("std::chrono::steady_clock, tick {} s", tick);
}

std::string hdf5_version() {
  unsigned major = 0, minor = 0, release = 0;
  H5get_libversion(&major, &minor, &release);
  return fmt::format("{}.{}.{}", major, minor, release);
}

/// Environment that changes what a run does: binding, threads, launcher, libraries.
bool matters(std::string_view variable) {
  constexpr std::string_view prefixes[] = {
      "OMP_", "OMPI_MCA_", "PRTE_MCA_", "SLURM_CPU_BIND",        "KOKKOS_",           "OPENBLAS_",    "DNNL_", "ONEDNN_",
      "MKL_", "BLIS_",     "GOMP_",     "HDF5_USE_FILE_LOCKING", "MOESCOPE_POWERCAP", "MOESCOPE_NVML"};
  // What Open MPI's launcher tells its processes: addresses, process numbers and a key, new in every launch.
  constexpr std::string_view of_launcher[] = {"OMPI_MCA_ess",
                                              "OMPI_MCA_orte_",
                                              "OMPI_MCA_initial_wdir",
                                              "OMPI_MCA_mpi_oversubscribe",
                                              "OMPI_MCA_shmem_RUNTIME_QUERY_hint",
                                              "PRTE_MCA_prte_"};
  auto const starts_with_one_of = [&](auto const& list) {
    return std::any_of(std::begin(list), std::end(list), [&](auto prefix) { return variable.starts_with(prefix); });
  };
  return variable.starts_with("SLURM_JOB_ID=") || (starts_with_one_of(prefixes) && !starts_with_one_of(of_launcher));
}

void append_environment(Provenance& provenance) {
  Provenance found;
  for (char** variable = environ; *variable; ++variable) {
    std::string_view const text = *variable;
    auto const equals = text.find('=');
    if (matters(text) && equals != std::string_view::npos)
      found.emplace_back(fmt::format("env.{}", text.substr(0, equals)), text.substr(equals + 1));
  }
  std::sort(found.begin(), found.end());
  provenance.insert(provenance.end(), found.begin(), found.end());
}

}  // namespace

Provenance collect_provenance() {
  Provenance provenance = {
      {"commit", MOESCOPE_COMMIT},     {"dirty", MOESCOPE_DIRTY},
      {"compiler", MOESCOPE_COMPILER}, {"build_type", MOESCOPE_BUILD_TYPE},
      {"flags", MOESCOPE_FLAGS},       {"hdf5", hdf5_version()},
      {"host", host_name()},           {"processor", processor()},
      {"clock", clock_resolution()},
  };
  append_environment(provenance);
  return provenance;
}

std::string build_identification() {
  return std::string(MOESCOPE_COMMIT) + (std::string_view(MOESCOPE_DIRTY) == "false" ? "" : "-dirty");
}

}  // namespace moescope
