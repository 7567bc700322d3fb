#include <nlohmann/json.hpp>

#include "bench/results_json.hpp"
#include "bench/table.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

/// 4000 bytes of floats over two groups of 4 ranks.
bench::Result row(std::size_t benchmark, std::vector<double> seconds) {
  auto const& of = bench::benchmarks()[benchmark];
  return {of, {Axis::ep, Axis::dp}, 2, DType::float32, bench::message(of, 4000, 4, 4, 2), 0, 0, std::move(seconds)};
}

}  // namespace

TEST_CASE("Bandwidths are those that nccl-tests prints for the median time") {
  std::vector<double> const seconds = {1e-6, 2e-6, 9e-6};
  double const algbw = 4000 / 2e-6;
  auto const factors = {2 * 0.75, 0.75, 0.75, 0.75, 2 * 0.75};  // the last one: twice the mean into one rank
  std::size_t i = 0;
  for (auto const factor : factors) {
    CHECK(row(i, seconds).algbw() == Approx(algbw));
    CHECK(row(i++, seconds).busbw() == Approx(algbw * factor));
  }
}

TEST_CASE("A row has nccl-tests' columns") {
  CHECK(bench::table_row(row(0, {0.25e-6}), 20) ==
        "         4000          1000   float32     sum      0.25    16.00    24.00       0      20\n");
  CHECK(bench::table_row(row(3, {123.44e-6}), 20) ==
        "         4000           250   float32    none     123.4     0.03     0.02       0      20\n");
}

TEST_CASE("Where there is no time none is printed") {
  CHECK(bench::table_row(row(1, {}), 20) ==
        "         4000           250   float32    none       n/a      n/a      n/a       0      20\n");
  LayoutConfig config;
  config.ep = 4;
  Layout const layout(config, 8);
  bench::Plan const plan;
  auto const json = nlohmann::json::parse(bench::results_json(plan, layout, false, {{"mpi", "some"}}, {row(1, {})}));
  auto const& result = json["results"][0];
  for (auto const* key : {"median_seconds", "algbw", "busbw", "seconds"}) CHECK(result.at(key).is_null());
  CHECK(json["oversubscribed"] == true);
  CHECK(json["provenance"]["mpi"] == "some");
  CHECK(result["axes"] == nlohmann::json::parse(R"(["ep", "dp"])"));
  CHECK(bench::preamble(plan, layout, false).find("n/a, since threads share cores") != std::string::npos);
}
