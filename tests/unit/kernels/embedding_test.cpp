#include "kernels/embedding.hpp"

#include "support/catch.hpp"
#include "support/device_arrays.hpp"

using namespace moescope;
using namespace moescope::kernels;
using moescope::test::random_matrix;
using moescope::test::rounding;
using moescope::test::to_device;
using moescope::test::to_host;

TEMPLATE_TEST_CASE("embedding and its backward agree with loops on a part of the vocabulary", "", float, double) {
  using T = TestType;
  Range const vocabulary{10, 17};
  auto const table = random_matrix(7, 19, 1), start = random_matrix(7, 19, 2);
  for (std::vector<int> const& tokens : {std::vector<int>{}, {3}, {16}, {12, 10, 3, 12, 16, 17, 12, 40, 10}}) {
    auto const num_tokens = std::int64_t(tokens.size());
    auto const d_y = random_matrix(num_tokens, 19, 3);
    reference::Matrix expected(num_tokens, 19), d_table = start;
    for (std::int64_t t = 0; t < num_tokens; ++t) {
      std::int64_t const row = tokens[std::size_t(t)] - 10;
      if (row < 0 || row >= 7) continue;
      for (std::int64_t h = 0; h < 19; ++h) {
        expected(t, h) = table(row, h);
        d_table(row, h) += d_y(t, h);
      }
    }
    auto const y = test::poisoned<T>(num_tokens, 19), device_d_table = to_device<T>(start);
    embed<T>(ExecSpace(), to_device<int>(tokens), vocabulary, to_device<T>(table), y);
    embed_backward<T>(ExecSpace(), to_device<int>(tokens), vocabulary, to_device<T>(d_y), device_d_table);
    CHECK(to_host(y).values == expected.values);
    CHECK(relative_error(to_host(device_d_table), d_table) < rounding<T>);
  }
}
