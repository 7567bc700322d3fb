#pragma once
#include "comm/mesh.hpp"
#include "config/run_config.hpp"
#include "data/data_source.hpp"
#include "record/run_file.hpp"
#include "run/replayed_routing.hpp"

namespace moescope {

/// Layout of this launch: the configuration's, on as many ranks as were started; derived sizes are written back into it.
Layout launch_layout(RunConfig& config, std::int64_t ranks);

/// Each node may read files of its own, and each rank be given other arguments: all throw the same UserError where some rank's
/// `text`, which stands for `what`, is not that of rank 0.
void require_same_everywhere(Communicator const& world, std::string const& text, std::string const& what);

/// What the launch runs on, beside what `record` collects by itself: Kokkos, MPI, BLAS, threads, hosts. Collective.
RunFileSetup describe_launch(RunConfig const& config, Mesh& mesh, DataSource const& data, ReplayedRouting const& replayed);

}  // namespace moescope
