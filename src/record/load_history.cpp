#include "record/load_history.hpp"

#include <algorithm>
#include <limits>

#include "config/routers.hpp"
#include "metrics/drift.hpp"
#include "metrics/imbalance.hpp"
#include "record/schema.hpp"

namespace moescope::record {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void LoadHistory::add(std::vector<std::int64_t> counts) {
  last_.push_back(std::move(counts));
  if (last_.size() > schema::dead_window) last_.pop_front();
}

Rows LoadHistory::derived_rows() const {
  return {{"/derived/load_drift", drift()}, {"/derived/dead_fraction_over_window", dead_fractions()}};
}

std::vector<double> LoadHistory::drift() const {
  std::vector<double> drift(routers_, nan);
  if (last_.size() < 2) return drift;
  for (std::size_t l = 0; l < routers_; ++l) {
    auto const of_step = [&](auto const& counts) { return metrics::Counts(counts).subspan(l * experts_, experts_); };
    drift[l] = metrics::total_variation(of_step(last_[last_.size() - 2]), of_step(last_.back()));
  }
  return drift;
}

std::vector<double> LoadHistory::dead_fractions() const {
  std::vector<double> fractions(routers_, nan);
  if (last_.size() < schema::dead_window) return fractions;
  std::vector<std::int64_t> sums(routers_ * experts_);
  for (auto const& counts : last_)
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += counts[i];
  for (std::size_t l = 0; l < routers_; ++l)
    fractions[l] = metrics::dead_fraction(metrics::Counts(sums).subspan(l * experts_, experts_));
  return fractions;
}

LoadHistory load_history(hdf5::File const& file, ModelConfig const& model, std::int64_t steps) {
  auto const [routers, experts] = router_extents(model);
  LoadHistory history(routers, experts);
  auto const width = routers * experts;
  auto const all = steps > 0 ? file.read_integers("/raw/expert_tokens_routed") : std::vector<std::int64_t>{};
  for (auto s = std::max<std::int64_t>(0, steps - std::int64_t(schema::dead_window)); s < steps; ++s)
    history.add({all.begin() + s * width, all.begin() + (s + 1) * width});
  return history;
}

}  // namespace moescope::record
