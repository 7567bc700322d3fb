#include "run/launch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "files/sha256.hpp"
#include "kernels/gemm.hpp"
#include "run/evaluation.hpp"
#include "run/program.hpp"

namespace moescope {

Layout launch_layout(RunConfig& config, std::int64_t ranks) {
  Layout const layout(config.layout, ranks);
  layout.check_model(config.model);
  auto& sizes = config.layout;
  sizes.ranks = ranks;
  sizes.dp = layout.size(Axis::dp);
  sizes.etp = layout.size(Axis::etp);
  sizes.edp = layout.size(Axis::edp);
  return layout;
}

namespace {

/// More threads than cores on some host; known on rank 0.
bool oversubscribed(std::vector<std::string> const& hosts, std::int64_t threads) {
  auto const cores = sysconf(_SC_NPROCESSORS_ONLN);
  return std::any_of(hosts.begin(), hosts.end(),
                     [&](std::string const& host) { return std::count(hosts.begin(), hosts.end(), host) * threads > cores; });
}

/// Unlike that of any other launch, wherever it was.
std::string launch_id() {
  std::random_device entropy;
  auto const time = std::chrono::system_clock::now().time_since_epoch().count();
  return sha256_hex(fmt::format("{} {} {} {}", host_name(), ::getpid(), time, entropy())).substr(0, 16);
}

}  // namespace

RunFileSetup describe_launch(RunConfig const& config, Mesh& mesh, DataSource const& data) {
  RunFileSetup setup{config, mesh.layout(), mesh.ledger().collectives(), data.domains(), evaluation_steps(config)};
  auto const threads = std::int64_t(Kokkos::DefaultHostExecutionSpace().concurrency());
  setup.hosts = mesh.world().gather(host_name(), 0);
  setup.launch = launch_id();
  setup.oversubscribed = oversubscribed(setup.hosts, threads);
  setup.computation_key = computation_key(config, data.fingerprint());
  setup.cell_key = cell_key(config, threads, build_identification(), data.fingerprint());
  setup.provenance = collect_provenance();
  auto const add = [&](char const* key, std::string const& value) { setup.provenance.emplace_back(key, value); };
  add("kokkos", kokkos_description());
  add("mpi", mpi_library());
  add("blas", kernels::gemm_implementation(config.train.dtype == DType::float64));
  add("threads_per_rank", std::to_string(threads));
  add("data_fingerprint", data.fingerprint());
  return setup;
}

template <class T>
double measure_peak(Mesh const& mesh) {
  mesh.world().barrier();
  auto const rate = kernels::measure_gemm_rate<T>(ExecSpace(), 1024, 15);
  kernels::take_executed_gemm_flops();
  return mesh.world().sum(rate);
}

template double measure_peak<double>(Mesh const&);
template double measure_peak<float>(Mesh const&);

}  // namespace moescope
