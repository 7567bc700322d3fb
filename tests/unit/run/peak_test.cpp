#include "run/peak.hpp"

#include "kernels/gemm.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"

using namespace moescope;

TEST_CASE("the measured rate is one number on all ranks and counts no executed FLOPs") {
  auto const world = Communicator::world();
  kernels::take_executed_gemm_flops();
  auto const peak = measure_peak<float>(world, 64, 3);
  MPI_REQUIRE(world, peak > 0);
  MPI_REQUIRE(world, peak == world.max(peak));
  MPI_REQUIRE(world, kernels::take_executed_gemm_flops() == 0);
}
