#include "apps/benchmarks/measure.hpp"

#include "run/peak.hpp"

namespace moescope::benchmarks {

Communicator world() { return Communicator::world(); }

double measured_peak() {
  auto const ranks = world();
  ranks.barrier();
  return measure_peak<float>(ranks, 2048, 3);
}

namespace {

benchmark::Counter each_second(double value) {
  return {value, benchmark::Counter::kIsIterationInvariantRate, benchmark::Counter::kIs1000};
}

}  // namespace

void report_flops(benchmark::State& state, double flops) {
  double const all = flops * world().size();
  state.counters["flops_per_second"] = each_second(all);
  state.counters["of_peak"] = each_second(all / measured_peak());
}

void report_bytes(benchmark::State& state, double bytes) {
  state.counters["bytes_per_second"] = each_second(bytes * world().size());
}

void report_tokens(benchmark::State& state, std::int64_t tokens) {
  state.counters["seconds_per_token"] = {double(tokens),
                                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert};
}

}  // namespace moescope::benchmarks
