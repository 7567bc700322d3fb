#pragma once
#include <benchmark/benchmark.h>

#include <algorithm>

#include "base/region.hpp"
#include "base/views.hpp"
#include "comm/communicator.hpp"

/// How every benchmark is timed: a fixed number of iterations, each as long as on its slowest rank.
namespace moescope::benchmarks {

Communicator world();

/// Sum over ranks of float matrix product rates, measured at the same time on all of them, FLOP/s. Collective.
double measured_peak();

/// Calls body() once to warm up and then once in each iteration. Collective.
template <class Body>
void measure(benchmark::State& state, Body&& body) {
  auto const ranks = world();
  ExecSpace const exec;
  body();
  for (auto _ : state) {
    exec.fence();
    ranks.barrier();
    double const start = now();
    body();
    exec.fence();
    state.SetIterationTime(ranks.max(now() - start));
  }
}

/// Adds `flops_per_second` and `of_peak` for `flops` per iteration on each rank. Collective: measures the peak beside it.
void report_flops(benchmark::State& state, double flops);
/// Adds `bytes_per_second` for `bytes` read or written per iteration on each rank.
void report_bytes(benchmark::State& state, double bytes);

/// Adds `seconds_per_token` for `tokens` per iteration on each rank.
void report_tokens(benchmark::State& state, std::int64_t tokens);

/// Reported are aggregates over repetitions, of which main asks for nine unless told otherwise.
template <class Body>
benchmark::internal::Benchmark* add(std::string const& name, int iterations, Body&& body) {
  auto const smallest = [](std::vector<double> const& values) { return *std::min_element(values.begin(), values.end()); };
  return benchmark::RegisterBenchmark(name.c_str(), std::forward<Body>(body))
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond)
      ->Iterations(iterations)
      ->ReportAggregatesOnly()
      ->ComputeStatistics("min", smallest);
}

}  // namespace moescope::benchmarks
