#include "bench/table.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moescope::bench {

namespace {

/// With as many digits as nccl-tests gives a time.
std::string microseconds(double seconds) {
  auto const value = seconds * 1e6;
  if (std::isnan(value)) return "n/a";
  return fmt::format("{:.{}f}", value, value >= 1e4 ? 0 : value >= 100 ? 1 : 2);
}

std::string gigabytes(double bytes_per_second) {
  return std::isnan(bytes_per_second) ? "n/a" : fmt::format("{:.2f}", bytes_per_second / 1e9);
}

template <class... Columns>
std::string line(char const* first, Columns const&... columns) {
  return fmt::format("{}{:>12}  {:>12}  {:>8}  {:>6}  {:>8}  {:>7}  {:>7}  {:>6}  {:>6}\n", first, columns...);
}

}  // namespace

std::string names_of(SameAxes const& axes) {
  std::string text;
  for (auto const axis : axes) text += (text.empty() ? "" : " = ") + std::string(name(axis));
  return text;
}

std::string preamble(Plan const& plan, Layout const& layout, bool timed) {
  auto const time =
      timed
          ? "time: median of the iterations; each starts behind a barrier and takes as long as on the slowest rank of all groups"
          : "time: n/a, since threads share cores";
  return fmt::format(
      "# {}\n# warm-up: {} iterations: {} validation: before and after\n# {}\n"
      "# algbw, busbw: as nccl-tests has them; docs/definitions.md, Benchmarks of collectives\n",
      layout.describe(), plan.warm_up, plan.iterations, time);
}

std::string table_head(Plan const& plan, Layout const& layout, SameAxes const& axes, Benchmark const& benchmark) {
  auto const members = layout.size(axes.front()), groups = layout.ranks() / members;
  auto const skew = benchmark.skewed ? fmt::format(", of which one is sent {} times the mean", plan.skew) : "";
  return fmt::format("#\n# {} over {}: {} group{} of {} ranks{}\n#\n", benchmark.name, names_of(axes), groups,
                     groups == 1 ? "" : "s", members, skew) +
         line("#", "size", "count", "type", "redop", "time", "algbw", "busbw", "#wrong", "iters") +
         fmt::format("#{:>12}  {:>12}  {:>26}  {:>7}  {:>7}\n", "(B)", "(elements)", "(us)", "(GB/s)", "(GB/s)");
}

std::string table_row(Result const& result, std::int64_t iterations) {
  return line(" ", result.size_bytes(), result.message.count, name(result.type), result.benchmark.reduction(),
              microseconds(result.median_seconds()), gigabytes(result.algbw()), gigabytes(result.busbw()), result.wrong,
              iterations);
}

std::string table_end(std::int64_t wrong) {
  return fmt::format("#\n# Out of bounds values : {} {}\n", wrong, wrong == 0 ? "OK" : "FAILED");
}

}  // namespace moescope::bench
