#include "run/peak.hpp"

#include <algorithm>

#include "base/region.hpp"
#include "kernels/gemm.hpp"
#include "kernels/gemm_probe.hpp"

namespace moescope {

template <class T>
double measure_peak(Communicator const& world, std::int64_t size, int windows) {
  kernels::GemmProbe<T> const probe(ExecSpace(), size);
  probe.multiply();  // the first warms up
  double best = 0;
  for (int window = 0; window < windows; ++window) {
    world.barrier();
    auto const begin = now();
    probe.multiply();
    world.barrier();
    best = std::max(best, double(world.size()) * probe.flops() / world.max(now() - begin));
  }
  kernels::take_executed_gemm_flops();
  return best;
}

#define MOESCOPE_INSTANTIATE(T) template double measure_peak<T>(Communicator const&, std::int64_t, int);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope
