#include "run/dry_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "run/planned_step.hpp"
#include "tensors/parameter_counts.hpp"

namespace moescope {
namespace {

std::string readable(double value) {
  constexpr char const* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.{}f} {}", value, unit == 0 ? 0 : 1, units[unit]);
}

std::string readable(std::optional<std::int64_t> bytes) { return bytes ? readable(double(*bytes)) : "-"; }

std::string layout_text(Layout const& layout, LaunchFacts const& launch) {
  return layout.describe() + (launch.fewest_ranks ? "; layout.ranks is not given: the fewest that the layout allows\n" : "\n");
}

std::string batch_text(RunConfig const& config) {
  auto const& batch = config.batch;
  auto const assumed = config.assumed.empty() ? "" : fmt::format("; assumed, as not given: {}", fmt::join(config.assumed, ", "));
  return fmt::format("a step: {} sequences of {} tokens in {} micro-step{}, {}{}\n", batch.sequences, batch.sequence_length,
                     batch.micro_steps, batch.micro_steps == 1 ? "" : "s", name(config.train.dtype), assumed);
}

std::string memory_text(traffic::Memory const& memory) {
  return fmt::format(
      "memory of the heaviest rank (estimate, tensors within 5 % under even routing; the program takes about 0.1 GiB more): {} = "
      "parameters {} + gradients {} + optimizer {} + activations {}\n",
      readable(memory.total()), readable(memory.parameters), readable(memory.gradients), readable(memory.optimizer),
      readable(memory.activations));
}

std::string run_file_text(RunConfig const& config, LaunchFacts const& launch) {
  auto const size = fmt::format("run file after {} steps: {}, record.detail_every = {}\n", config.train.steps,
                                readable(double(launch.run_file_bytes)), launch.detail_every);
  return size + (launch.run_file_notice.empty() ? "" : launch.run_file_notice + "\n");
}

std::string exchange_line(std::string_view name, std::int64_t ranks, std::string const& calls, PlannedBytes const& bytes) {
  return fmt::format("  {:<38}{:>7}{:>9}{:>14}{:>9}{:>14}\n", name, ranks, calls, readable(double(bytes.largest)),
                     bytes.heaviest_rank, readable(bytes.sum));
}

std::string exchanges_text(PlannedStep const& step, Layout const& layout) {
  if (step.collectives.empty()) return "one rank exchanges nothing\n";
  bool const all_ranks = step.ranks_counted == layout.ranks();
  auto text = fmt::format("payload of one step; assumes {}\n  {:<38}{:>7}{:>9}{:>14}{:>9}{:>14}\n", step.assumes, "exchange",
                          "ranks", "calls", all_ranks ? "largest rank" : "rank 0", all_ranks ? "which" : "", "all ranks");
  for (std::size_t i = 0; i < step.collectives.size(); ++i) {
    auto const& c = step.collectives[i];
    text += exchange_line(c.name, layout.size(c.axis), std::to_string(step.calls[i]), step.payload[i]);
  }
  text += "  by axis\n";
  for (auto const& [axis, bytes] : step.axis_payload) text += exchange_line(name(axis), layout.size(axis), "", bytes);
  return text;
}

}  // namespace

std::string dry_run_text(RunConfig const& config, Layout const& layout, LaunchFacts const& launch) {
  auto const step = plan_step(config, layout, launch.forced);
  auto const parameters = parameter_counts(config.model);
  return layout_text(layout, launch) + batch_text(config) +
         fmt::format("parameters: {} in all, {} active for a token\n", parameters.total, std::llround(parameters.active)) +
         memory_text(step.memory) + run_file_text(config, launch) + exchanges_text(step, layout) +
         fmt::format("computation_key {}\ncell_key {}\n", computation_key(config, launch.data_fingerprint),
                     cell_key(config, launch.threads, launch.build, launch.data_fingerprint));
}

}  // namespace moescope
