#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "base/random.hpp"

/// Central differences against an analytic gradient, in double.
namespace moescope::test {

struct FiniteDifferenceOptions {
  double step = 1e-5;
  int directions = 8;            ///< random directions, each touching every coordinate
  int coordinates = 16;          ///< single coordinates, evenly spaced, and as many with the largest gradient
  double smallest_scale = 1e-4;  ///< gradients below this count as this large, so that a zero gradient can be checked
  std::uint64_t seed = 1;
};

namespace detail {

inline double dot(std::span<double const> a, std::span<double const> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

/// |central difference - analytic| / scale; infinity when that is not a number.
template <class Loss>
double slope_error(Loss const& loss, std::vector<double> const& point, std::vector<double> const& direction, double analytic,
                   double scale, double step) {
  auto const loss_at = [&](double t) {
    auto moved = point;
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += t * direction[i];
    return double(loss(std::as_const(moved)));
  };
  double const error = std::abs((loss_at(step) - loss_at(-step)) / (2 * step) - analytic) / std::max(scale, std::abs(analytic));
  return std::isfinite(error) ? error : std::numeric_limits<double>::infinity();
}

inline std::vector<std::size_t> coordinates_to_check(std::vector<double> const& gradient, int count) {
  std::vector<std::size_t> all(gradient.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  auto const wanted = std::min(all.size(), std::size_t(count));
  std::vector<std::size_t> chosen;
  for (std::size_t i = 0; i < wanted; ++i) chosen.push_back(i * all.size() / wanted);
  std::stable_sort(all.begin(), all.end(), [&](auto a, auto b) { return std::abs(gradient[a]) > std::abs(gradient[b]); });
  chosen.insert(chosen.end(), all.begin(), all.begin() + std::ptrdiff_t(wanted));
  return chosen;
}

}  // namespace detail

/// Largest relative disagreement between `gradient` and central differences of `loss` around `point`; to be compared with
/// about 1e-7 (`REQUIRE(gradient_error(...) < 1e-7)`). Infinity for sizes that differ and wherever a value is not finite.
/// `loss` takes std::vector<double> const& and returns double; the values in `point` and the loss should be of order 1.
template <class Loss>
double gradient_error(Loss const& loss, std::vector<double> const& point, std::vector<double> const& gradient,
                      FiniteDifferenceOptions const& options = {}) {
  if (point.size() != gradient.size()) return std::numeric_limits<double>::infinity();
  for (double const g : gradient)
    if (!std::isfinite(g)) return std::numeric_limits<double>::infinity();
  double const norm = std::sqrt(detail::dot(gradient, gradient));
  double const typical = norm / std::sqrt(double(std::max<std::size_t>(1, gradient.size())));
  double worst = 0;
  for (int d = 0; d < options.directions; ++d) {
    std::vector<double> direction(point.size());
    for (std::size_t i = 0; i < direction.size(); ++i)
      direction[i] = RandomStream(options.seed, Purpose::weight, d, 0).normal(std::int64_t(i), 0);
    double const scale = std::max(norm, options.smallest_scale);
    worst = std::max(worst, detail::slope_error(loss, point, direction, detail::dot(gradient, direction), scale, options.step));
  }
  for (auto const i : detail::coordinates_to_check(gradient, options.coordinates)) {
    std::vector<double> direction(point.size());
    direction[i] = 1;
    double const scale = std::max(typical, options.smallest_scale);
    worst = std::max(worst, detail::slope_error(loss, point, direction, gradient[i], scale, options.step));
  }
  return worst;
}

}  // namespace moescope::test
