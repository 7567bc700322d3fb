#include "run/launch.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "base/host.hpp"
#include "files/sha256.hpp"
#include "kernels/gemm.hpp"
#include "run/binding.hpp"
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
  sizes.order = layout.order();
  return layout;
}

void require_same_everywhere(Communicator const& world, std::string const& text, std::string const& what) {
  auto const texts = world.gather(text, 0);
  agreed(world, [&] {
    auto const differs = [&](std::string const& other) { return other != texts.front(); };
    auto const found = std::find_if(texts.begin(), texts.end(), differs);
    if (found != texts.end())
      throw UserError(fmt::format("{} of rank {} differs from that of rank 0; give all ranks the same files and arguments", what,
                                  found - texts.begin()));
  });
}

namespace {

/// Unlike that of any other launch, wherever it was.
std::string launch_id() {
  std::random_device entropy;
  auto const time = std::chrono::system_clock::now().time_since_epoch().count();
  return sha256_hex(fmt::format("{} {} {} {}", host_name(), ::getpid(), time, entropy())).substr(0, 16);
}

}  // namespace

RunFileSetup describe_launch(RunConfig const& config, Mesh& mesh, DataSource const& data, ReplayedRouting const& replayed) {
  RunFileSetup setup{config, mesh.layout(), mesh.ledger().collectives(), data.domains(), evaluation_steps(config)};
  auto const threads = std::int64_t(Kokkos::DefaultHostExecutionSpace().concurrency());
  setup.hosts = mesh.world().gather(host_name(), 0);
  setup.launch = launch_id();
  auto const binding = gather_binding(mesh.world(), setup.hosts, int(threads));
  setup.oversubscribed = !binding.crowded.empty();
  if (setup.oversubscribed) print_notice(crowded_notice(binding));
  auto const inputs = fingerprint_of_inputs(data.fingerprint(), replayed);
  setup.computation_key = computation_key(config, inputs);
  setup.cell_key = cell_key(config, threads, build_identification(), inputs);
  setup.provenance = collect_provenance();
  auto const add = [&](std::string const& key, std::string const& value) { setup.provenance.emplace_back(key, value); };
  add("kokkos", kokkos_description());
  add("binding", binding.ranks);
  add("mpi", mpi_library());
  add("blas", kernels::gemm_implementation(config.train.dtype));
  add("threads_per_rank", std::to_string(threads));
  add("data_fingerprint", data.fingerprint());
  if (replayed.routing) add("replayed_" + replayed.what, replayed.fingerprint);
  return setup;
}

}  // namespace moescope
