#include "gates/pool_statistics.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "gates/transfer.hpp"

namespace moescope::gates {

template <class T>
Matrix<double> sum_own_rows(ExecSpace const& exec, ConstMatrix<T> terms, GateContext const& context) {
  auto const shape = context.pool_shape;
  auto const ids = context.tokens.on_device();
  auto const columns = std::int64_t(terms.extent(1));
  auto const sums = make_matrix<double>("gates::pool_sums", shape.count(), columns);
  Kokkos::parallel_for(
      "gates::sum_over_pools", Kokkos::RangePolicy<ExecSpace>(exec, 0, sums.size()), KOKKOS_LAMBDA(std::int64_t i) {
        std::int64_t const pool = i / columns, column = i % columns;
        std::int64_t const first = shape.first_id + pool * shape.tokens_in_pool;
        std::int64_t const begin = first_row_from(ids, first), end = first_row_from(ids, first + shape.tokens_in_pool);
        double sum = 0;
        for (std::int64_t t = begin; t < end; ++t) sum += double(terms(t, column));
        sums(pool, column) = sum;
      });
  return sums;
}

template <class T>
std::vector<double> sum_over_pools(ExecSpace const& exec, ConstMatrix<T> terms, GateContext const& context) {
  auto const& shape = context.pool_shape;
  MOESCOPE_CHECK(context.pool != nullptr);
  MOESCOPE_CHECK(shape.count() * shape.tokens_in_pool == shape.tokens);
  MOESCOPE_CHECK(context.tokens.size() == std::int64_t(terms.extent(0)) && context.tokens.size() <= shape.tokens);
  auto values = download(exec, sum_own_rows<T>(exec, terms, context));
  context.pool->sum(values);
  return values;
}

struct Moments {
  double mean, variance, squared_mean;  // the last one + 1e-10
};

Moments moments(std::span<double const> q) {
  auto const n = double(q.size());
  double const mean = std::accumulate(q.begin(), q.end(), 0.0) / n;
  double squares = 0;
  for (double const value : q) squares += (value - mean) * (value - mean);
  return {mean, squares / (n - 1), mean * mean + 1e-10};
}

double cv_squared(std::span<double const> q) {
  if (q.size() < 2) return 0;
  auto const m = moments(q);
  return m.variance / m.squared_mean;
}

void add_cv_squared_gradient(std::span<double const> q, double scale, std::span<double> gradient) {
  if (q.size() < 2) return;
  auto const n = double(q.size());
  auto const m = moments(q);
  double const through_mean = 2 * m.variance * m.mean / (n * m.squared_mean * m.squared_mean);
  for (std::size_t i = 0; i < q.size(); ++i)
    gradient[i] += scale * (2 * (q[i] - m.mean) / ((n - 1) * m.squared_mean) - through_mean);
}

template <class T>
void record_statistics(PoolStatistics const& statistics, GateContext const& context, GateResult<T>& result) {
  double const share = 1.0 / double(context.pool_shape.pools_in_step);
  result.importance.assign(statistics.num_experts, 0.0);
  result.load.assign(statistics.num_experts, 0.0);
  for (std::int64_t p = 0; p < statistics.pools; ++p) {
    auto const importance = statistics.importance(p), load = statistics.load(p);
    for (std::int64_t e = 0; e < statistics.num_experts; ++e) {
      result.importance[e] += share * importance[e];
      result.load[e] += share * load[e];
    }
    result.cv2 += share * (cv_squared(importance) + cv_squared(load));
  }
}

template std::vector<double> sum_over_pools<float>(ExecSpace const&, ConstMatrix<float>, GateContext const&);
template std::vector<double> sum_over_pools<double>(ExecSpace const&, ConstMatrix<double>, GateContext const&);
template void record_statistics<float>(PoolStatistics const&, GateContext const&, GateResult<float>&);
template void record_statistics<double>(PoolStatistics const&, GateContext const&, GateResult<double>&);

}  // namespace moescope::gates
