#include "apps/bench_options.hpp"

namespace moescope {

namespace {

void add_selection(CLI::App& command, bench::Request& request) {
  std::vector<std::string> axis_names, collective_names, type_names;
  for (auto const& axis : axes()) axis_names.emplace_back(axis.name);
  for (auto const& benchmark : bench::benchmarks()) collective_names.emplace_back(benchmark.name);
  for (auto const& each : scalars) type_names.emplace_back(each.name);
  auto const add = [&](char const* option, auto& chosen, auto const& names, std::string const& text) {
    command.add_option(option, chosen, text + " (repeatable)")->check(CLI::IsMember(names))->allow_extra_args(false);
  };
  add("--axis", request.axes, axis_names, "Axis of the layout; default: all of several ranks, those of the same groups once");
  add("--collective", request.collectives, collective_names, "Default: all");
  add("--type", request.types, type_names, "Type of the elements; default: train.dtype");
}

void add_amounts(CLI::App& command, bench::Request& request) {
  constexpr std::int64_t most_bytes = std::int64_t{1} << 32, many = 1'000'000;
  auto const add = [&](char const* option, auto& value, auto low, auto high, char const* text) {
    return command.add_option(option, value, text)->check(CLI::Range(low, high))->capture_default_str();
  };
  add("--min-bytes", request.min_bytes, std::int64_t{1}, most_bytes, "Smallest message; 64K and 16M are understood")
      ->transform(CLI::AsSizeValue(false));
  add("--max-bytes", request.max_bytes, std::int64_t{1}, most_bytes, "Largest message")->transform(CLI::AsSizeValue(false));
  add("--factor", request.factor, std::int64_t{2}, many, "From one size to the next");
  add("--warm-up", request.warm_up, std::int64_t{0}, many, "Exchanges of each size before the clock runs");
  add("--iterations", request.iterations, std::int64_t{1}, many, "Exchanges of each size by the clock");
  add("--skew", request.skew, 1.0, 1e6,
      "all_to_all_skewed: what one rank of each group is sent, as a multiple of the mean; a run's imbalance/ranks/max_over_mean");
}

}  // namespace

void add_options(CLI::App& command, BenchOptions& options) {
  auto const not_empty = [](std::string const& path) { return path.empty() ? "must not be empty" : ""; };
  command.add_option("config", options.config, "TOML file to take the layout from; none: that of --set")->check(not_empty);
  command
      .add_option("--set", options.set,
                  "A key of [layout], train.dtype or train.watchdog_seconds, e.g. --set layout.ep=2 (repeatable)")
      ->allow_extra_args(false);
  add_selection(command, options.request);
  add_amounts(command, options.request);
  command.add_flag("--json", options.json, "The same as JSON, with the time of every iteration");
}

}  // namespace moescope
