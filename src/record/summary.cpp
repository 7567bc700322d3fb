#include "record/summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "metrics/statistics.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

using Numbers = std::vector<double>;

/// What is read: of times, the warm-up of each launch is left out; of everything else, that of the run.
enum class Of { times, counts };

/// Reads one number a step, over the steps that are done and not warm-up.
class FreeWindow {
 public:
  FreeWindow(hdf5::File const& file, std::int64_t steps_done, Of what) : file_(file) {
    auto const warm_up = file.read_integers("/raw/warm_up");
    for (std::size_t s = 0; s < std::size_t(steps_done); ++s)
      if (warm_up.at(s) == 0 || (what == Of::counts && warm_up.at(s) == 2)) steps_.push_back(s);
    total_steps_ = warm_up.size();
  }

  /// `reduce` makes one number of a step's row.
  template <class Reduce>
  Numbers read(std::string const& path, Reduce&& reduce) const {
    auto const values = file_.read_numbers(path);
    auto const width = values.size() / total_steps_;
    Numbers result;
    for (auto const s : steps_) result.push_back(reduce(std::span<double const>(values.data() + s * width, width)));
    return result;
  }

 private:
  hdf5::File const& file_;
  std::vector<std::size_t> steps_;
  std::size_t total_steps_ = 0;
};

double total(std::span<double const> values) { return std::accumulate(values.begin(), values.end(), 0.0); }

/// In the order of schema::statistics.
Numbers statistics(double value, Numbers const& samples) {
  auto const interval = metrics::median_interval_95(samples);
  return {value, metrics::median(samples), interval.low, interval.high, double(samples.size())};
}

/// total(numerator) / total(denominator), and the ratio of each step.
Numbers ratio(Numbers const& numerator, Numbers const& denominator) {
  Numbers samples;
  for (std::size_t i = 0; i < numerator.size(); ++i) samples.push_back(numerator[i] / denominator[i]);
  return statistics(total(numerator) / total(denominator), samples);
}

Numbers scaled(Numbers values, double factor) {
  for (auto& value : values) value *= factor;
  return values;
}

void append_times(Rows& rows, FreeWindow const& window, RunFileSetup const& setup) {
  auto seconds = window.read("/raw/step_seconds", metrics::maximum);
  if (!speed_means_something(setup)) seconds.assign(seconds.size(), std::numeric_limits<double>::quiet_NaN());
  auto const tokens = window.read("/raw/tokens", total);
  auto const ranks = double(setup.layout.ranks());
  rows.push_back({"/derived/summary/step_seconds", statistics(metrics::mean(seconds), seconds)});
  rows.push_back({"/derived/summary/tokens_per_second", ratio(tokens, seconds)});
  rows.push_back({"/derived/summary/tgs", ratio(tokens, scaled(seconds, ranks))});
  auto const joules = window.read("/derived/joules", total);
  rows.push_back({"/derived/summary/joules", statistics(metrics::mean(joules), joules)});
  rows.push_back({"/derived/summary/joules_per_token", ratio(joules, tokens)});
  double const peaks[] = {setup.config.machine.stated_peak_flops * ranks, setup.measured_peak_flops};
  for (auto const* numerator : schema::flop_numerators) {
    auto const flops = window.read(fmt::format("/derived/flops/{}", numerator), total);
    for (std::size_t d = 0; d < std::size(peaks); ++d) {
      double const peak = peaks[d] > 0 ? peaks[d] : std::numeric_limits<double>::quiet_NaN();
      rows.push_back({fmt::format("/derived/summary/mfu_{}_{}", schema::peak_denominators[d], numerator),
                      ratio(flops, scaled(seconds, peak))});
    }
  }
}

void append_balance(Rows& rows, FreeWindow const& window) {
  for (auto const* level : schema::imbalance_levels) {
    auto const samples = window.read(fmt::format("/derived/imbalance/{}s/max_over_mean", level), metrics::mean);
    rows.push_back({fmt::format("/derived/summary/imbalance_{}", level), statistics(metrics::mean(samples), samples)});
  }
  auto const routed = window.read("/raw/expert_tokens_routed", total), kept = window.read("/raw/expert_tokens_processed", total);
  Numbers dropped;
  for (std::size_t i = 0; i < routed.size(); ++i) dropped.push_back(routed[i] - kept[i]);
  rows.push_back({"/derived/summary/dropped_fraction", ratio(dropped, routed)});
}

}  // namespace

Rows summary_rows(hdf5::File const& file, RunFileSetup const& setup, std::int64_t steps_done) {
  Rows rows;
  append_times(rows, FreeWindow(file, steps_done, Of::times), setup);
  append_balance(rows, FreeWindow(file, steps_done, Of::counts));
  return rows;
}

}  // namespace moescope::record
