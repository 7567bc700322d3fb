#include "apps/bench_command.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <Kokkos_Core.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "apps/bench_options.hpp"
#include "base/host.hpp"
#include "bench/measure.hpp"
#include "bench/results_json.hpp"
#include "bench/table.hpp"
#include "comm/watchdog.hpp"
#include "config/load_layout.hpp"
#include "run/binding.hpp"
#include "run/launch.hpp"
#include "run/program.hpp"

namespace moescope {

namespace {

/// All that decides what a rank does.
std::string text_of(bench::Plan const& plan, RunConfig const& config) {
  std::string text = to_json(config);
  for (auto const& each : bench::collectives(plan)) text += each.name + ' ';
  for (auto const type : plan.types) text += name(type);
  return text + fmt::format(" {} {} {} {}", fmt::join(plan.sizes, " "), plan.warm_up, plan.iterations, plan.skew);
}

/// Collective; whether every thread has a core of its own, which a notice says where it is not so.
bool describe(Mesh const& mesh, bench::Provenance& provenance) {
  int const threads = Kokkos::DefaultHostExecutionSpace().concurrency();
  auto const hosts = mesh.world().gather(host_name(), 0);
  auto const binding = gather_binding(mesh.world(), hosts, threads);
  if (!binding.crowded.empty()) print_notice(crowded_notice(binding));
  provenance = collect_provenance();
  provenance.insert(provenance.end(), {{"kokkos", kokkos_description()},
                                       {"mpi", mpi_library()},
                                       {"hosts", fmt::format("{}", fmt::join(hosts, ", "))},
                                       {"binding", binding.ranks},
                                       {"threads_per_rank", std::to_string(threads)}});
  return mesh.world().sum(std::int64_t(binding.crowded.size())) == 0;
}

void print(std::string const& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);  // a row as soon as it is there
}

/// The rows of one benchmark over one axis; printed where `table`.
void run_table(Mesh& mesh, bench::Plan const& plan, bench::SameAxes const& axes, bench::Benchmark const& benchmark, bool timed,
               bool table, std::vector<bench::Result>& results) {
  if (table) print(bench::table_head(plan, mesh.layout(), axes, benchmark));
  for (auto const type : plan.types)
    for (auto const bytes : plan.sizes) {
      auto& result = results.emplace_back(bench::measure(mesh, plan, axes, benchmark, type, bytes));
      if (!timed) result.seconds.clear();
      if (table) print(bench::table_row(result, plan.iterations));
    }
}

/// The exit code, after a sentence on the first row with wrong elements.
int verdict(std::vector<bench::Result> const& results, bool first_rank) {
  for (auto const& result : results) {
    if (result.wrong == 0) continue;
    if (first_rank)
      print_error(
          fmt::format("{} over {}, {} bytes of {}: {} elements did not arrive as they were sent; do not trust this "
                      "network or MPI library with a run",
                      result.benchmark.name, bench::names_of(result.axes), result.size_bytes(), name(result.type), result.wrong));
    return failure;
  }
  return success;
}

int bench_collectives(BenchOptions const& options, Communicator const& world) {
  RunConfig config;
  std::optional<Layout> layout;
  bench::Plan plan;
  agreed(world, [&] {
    config = load_layout(options.config, options.set);
    layout.emplace(config.layout, world.size());
    plan = bench::plan(options.request, *layout, config.train.dtype);
  });
  require_same_everywhere(world, text_of(plan, config), "the configuration or the arguments");
  Watchdog const watchdog(world, config.train.watchdog_seconds);
  Mesh mesh(world, *layout, bench::collectives(plan));
  bench::Provenance provenance;
  bool const timed = describe(mesh, provenance);
  std::vector<bench::Result> results;
  if (!options.json) print(bench::preamble(plan, *layout, timed));
  for (auto const& axes : plan.axes)
    for (auto const& benchmark : plan.benchmarks) run_table(mesh, plan, axes, benchmark, timed, !options.json, results);
  std::int64_t wrong = 0;
  for (auto const& result : results) wrong += result.wrong;
  print(options.json ? bench::results_json(plan, *layout, timed, provenance, results) : bench::table_end(wrong));
  return verdict(results, world.rank() == 0);
}

}  // namespace

void add_bench_command(CLI::App& app, int& exit_code) {
  auto const options = std::make_shared<BenchOptions>();
  auto* command =
      app.add_subcommand("bench", "Check and time the collectives alone over the axes of a layout, as nccl-tests does");
  command->footer(
      "mpirun -n 4 moescope bench --set layout.ep=2 --set layout.tp=2\n"
      "mpirun -n 4 moescope bench CONFIG --axis ep --collective all_to_all --json > ep.json   (with the time of every "
      "iteration)\n"
      "Exit code 1 where an element arrives wrong. The columns: docs/definitions.md, Benchmarks of collectives.");
  add_options(*command, *options);
  command->callback([options, &exit_code] {
    exit_code = run_parallel([&](Communicator const& world) { return bench_collectives(*options, world); });
  });
}

}  // namespace moescope
