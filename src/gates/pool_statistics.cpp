#include "gates/pool_statistics.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "base/to_host.hpp"

namespace moescope::gates {

template <class T>
Matrix<double> sum_own_rows(ExecSpace const& exec, ConstMatrix<T> terms, TokenIds const& tokens,
                            PoolShape const& shape_of_pools) {
  auto const shape = shape_of_pools;
  auto const ids = tokens.on_device();
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
std::vector<double> sum_over_pools(ExecSpace const& exec, ConstMatrix<T> terms, TokenIds const& tokens, Pool const& pool) {
  auto const& shape = pool.shape;
  MOESCOPE_CHECK(shape.count() * shape.tokens_in_pool == shape.tokens);
  MOESCOPE_CHECK(tokens.size() == std::int64_t(terms.extent(0)) && tokens.size() <= shape.tokens);
  auto values = to_host_copy(exec, sum_own_rows<T>(exec, terms, tokens, shape));
  pool.exchange->sum(values);
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

void record_statistics(PoolStatistics const& statistics, PoolShape const& shape, LossTerm& term) {
  double const share = 1.0 / double(shape.pools_in_step);
  term.importance.assign(statistics.num_experts, 0.0);
  term.load.assign(statistics.num_experts, 0.0);
  for (std::int64_t p = 0; p < statistics.pools; ++p) {
    auto const importance = statistics.importance(p), load = statistics.load(p);
    for (std::int64_t e = 0; e < statistics.num_experts; ++e) {
      term.importance[e] += share * importance[e];
      term.load[e] += share * load[e];
    }
    term.cv2 += share * (cv_squared(importance) + cv_squared(load));
  }
}

#define MOESCOPE_INSTANTIATE(T) \
  template std::vector<double> sum_over_pools<T>(ExecSpace const&, ConstMatrix<T>, TokenIds const&, Pool const&);
MOESCOPE_FOR_SCALARS(MOESCOPE_INSTANTIATE)
#undef MOESCOPE_INSTANTIATE

}  // namespace moescope::gates
