#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "apps/benchmarks/measure.hpp"
#include "apps/benchmarks/register.hpp"
#include "base/host_memory.hpp"
#include "kernels/gemm.hpp"

namespace {

class Silent final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(Context const&) override { return true; }
  void ReportRuns(std::vector<Run> const&) override {}
};

char nine_repetitions[] = "--benchmark_repetitions=9";  // a later argument wins

/// Rank 0 alone writes --benchmark_out.
std::vector<char*> arguments_of(int rank, int argc, char** argv) {
  std::vector<char*> kept{argv[0], nine_repetitions};
  for (int i = 1; i < argc; ++i) {
    if (rank == 0 || std::strncmp(argv[i], "--benchmark_out", 15) != 0) kept.push_back(argv[i]);
  }
  return kept;
}

void describe() {
  benchmark::AddCustomContext("ranks", std::to_string(moescope::benchmarks::world().size()));
  benchmark::AddCustomContext("threads_per_rank", std::to_string(moescope::ExecSpace().concurrency()));
  benchmark::AddCustomContext("blas", moescope::kernels::gemm_implementation(moescope::DType::float32));
}

}  // namespace

int main(int argc, char** argv) {
  moescope::Session const session(argc, argv);
  moescope::keep_freed_memory();
  Kokkos::ScopeGuard const kokkos(argc, argv);
  int const rank = moescope::benchmarks::world().rank();
  auto arguments = arguments_of(rank, argc, argv);
  int count = int(arguments.size());
  benchmark::Initialize(&count, arguments.data());
  if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) return 2;
  describe();
  moescope::benchmarks::add_products();
  moescope::benchmarks::add_layers();
  moescope::benchmarks::add_exchange();
  moescope::benchmarks::add_step();
  Silent silent;
  auto const run = rank == 0 ? benchmark::RunSpecifiedBenchmarks() : benchmark::RunSpecifiedBenchmarks(&silent);
  benchmark::Shutdown();
  return run > 0 ? 0 : 1;
}
