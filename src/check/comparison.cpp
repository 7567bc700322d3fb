#include "check/comparison.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace moescope {

double norm(std::vector<double> const& values) {
  return std::sqrt(std::transform_reduce(values.begin(), values.end(), 0.0, std::plus<>(), [](double v) { return v * v; }));
}

double relative_difference(std::vector<double> const& value, std::vector<double> const& reference, double least) {
  if (value.size() != reference.size()) return std::numeric_limits<double>::infinity();
  double squares = 0;
  for (std::size_t i = 0; i < value.size(); ++i) squares += (value[i] - reference[i]) * (value[i] - reference[i]);
  if (squares == 0) return 0;
  auto const relative = std::sqrt(squares) / std::max(norm(reference), least);
  return std::isnan(relative) ? std::numeric_limits<double>::infinity() : relative;
}

void Comparison::add(std::string const& name, std::vector<double> const& value, std::vector<double> const& reference,
                     double limit) {
  entries_.push_back({name, relative_difference(value, reference), limit});
}

bool Comparison::passed() const {
  return !entries_.empty() && std::all_of(entries_.begin(), entries_.end(), [](Entry const& e) { return e.error <= e.limit; });
}

std::string Comparison::report() const {
  std::string text;
  for (auto const& entry : entries_) {
    if (!(entry.error <= entry.limit))
      text += fmt::format("differs: {} by {:.3g} (limit {:.0e})\n", entry.name, entry.error, entry.limit);
  }
  auto const by_error = [](Entry const& a, Entry const& b) { return a.error < b.error; };
  auto const worst = std::max_element(entries_.begin(), entries_.end(), by_error);
  if (worst == entries_.end()) return "nothing was compared\n";
  return text + fmt::format("{} tensors compared; worst: {} by {:.3g} (limit {:.0e})\n", entries_.size(), worst->name,
                            worst->error, worst->limit);
}

}  // namespace moescope
