#include "kernels/cross_entropy.hpp"

#include "reference/transformer.hpp"
#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::random_matrix;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

namespace {

struct Outcome {
  double loss;
  reference::Matrix gradient;
};

/// Splits the columns over `num_parts` pretended ranks and combines as they would.
template <class T>
Outcome in_parts(reference::Matrix const& logits, std::vector<int> const& targets, int num_parts, T scale) {
  ExecSpace const exec;
  std::int64_t const num_tokens = logits.num_rows;
  auto const device_targets = to_device<int>(targets);
  std::vector<Matrix<T>> parts;
  std::vector<Range> ranges;
  std::vector<double> maximum(targets.size(), -1e30), sum_exp(targets.size()), target(targets.size());
  auto const scratch = [&] { return Vector<T>("test::scratch", num_tokens); };
  for (int p = 0; p < num_parts; ++p) {
    ranges.push_back(split(logits.num_columns, num_parts, p));
    reference::Matrix part(num_tokens, ranges.back().size());
    for (std::int64_t t = 0; t < num_tokens; ++t)
      for (std::int64_t v = 0; v < part.num_columns; ++v) part(t, v) = logits(t, ranges.back().begin + v);
    parts.push_back(to_device<T>(part));
    auto const largest = scratch();
    cross_entropy_maximum<T>(exec, parts.back(), largest);
    auto const host = to_host(largest);
    for (std::size_t t = 0; t < maximum.size(); ++t) maximum[t] = std::max(maximum[t], host.values[t]);
  }
  auto const device_maximum = to_device<T>(maximum);
  for (int p = 0; p < num_parts; ++p) {
    auto const sum = scratch(), logit = scratch();
    cross_entropy_partial<T>(exec, parts[std::size_t(p)], device_targets, ranges[std::size_t(p)], device_maximum, sum, logit);
    auto const host_sum = to_host(sum), host_logit = to_host(logit);
    for (std::size_t t = 0; t < maximum.size(); ++t) {
      sum_exp[t] += host_sum.values[t];
      target[t] += host_logit.values[t];
    }
  }
  auto const device_sum = to_device<T>(sum_exp);
  Outcome outcome{cross_entropy_finish<T>(exec, device_targets, device_maximum, device_sum, to_device<T>(target)),
                  reference::Matrix(num_tokens, logits.num_columns)};
  for (int p = 0; p < num_parts; ++p) {
    auto const range = ranges[std::size_t(p)];
    cross_entropy_backward<T>(exec, device_targets, range, device_maximum, device_sum, scale, parts[std::size_t(p)]);
    auto const host = to_host(parts[std::size_t(p)]);
    for (std::int64_t t = 0; t < num_tokens; ++t)
      for (std::int64_t v = 0; v < range.size(); ++v) outcome.gradient(t, range.begin + v) = host(t, v);
  }
  return outcome;
}

}  // namespace

TEMPLATE_TEST_CASE("cross-entropy over one or more shares of the vocabulary agrees with loops", "", float, double) {
  for (std::vector<int> const& targets : {std::vector<int>{}, {22}, {-100}, {0, 5, -100, 22, 13, 7, 8}}) {
    auto const logits = random_matrix(std::int64_t(targets.size()), 23, 5);
    for (int const num_parts : {1, 2, 5}) {
      auto const outcome = in_parts<TestType>(logits, targets, num_parts, TestType(0.25));
      CHECK(outcome.loss == Approx(reference::cross_entropy(logits, targets)).epsilon(rounding<TestType>).margin(0));
      CHECK(relative_error(outcome.gradient, reference::cross_entropy_gradient(logits, targets, 0.25)) < rounding<TestType>);
    }
  }
}

TEMPLATE_TEST_CASE("cross-entropy of large logits neither overflows nor loses the target", "", float, double) {
  reference::Matrix logits(2, 3, 500.0);
  logits(1, 2) = -500;
  auto const outcome = in_parts<TestType>(logits, {0, 2}, 1, TestType(1));
  CHECK(outcome.loss == Approx(std::log(3.0) + std::log(2.0) + 1000).epsilon(1e-6));
  CHECK(relative_error(outcome.gradient, outcome.gradient) == 0);  // finite
  CHECK(outcome.gradient(1, 2) == -1);
}
