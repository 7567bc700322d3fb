#include "base/error.hpp"
#include "bench/plan.hpp"
#include "support/catch.hpp"

using namespace moescope;
using bench::Request;
using Catch::Contains;

namespace {

Layout layout_of(std::int64_t ranks, std::int64_t tp, std::int64_t ep) {
  LayoutConfig config;
  config.tp = tp;
  config.ep = ep;
  return Layout(config, ranks);
}

bench::Plan plan_of(Request const& request) { return bench::plan(request, layout_of(4, 2, 2), DType::float32); }

}  // namespace

TEST_CASE("Without a request every benchmark runs over every group of several ranks, once") {
  auto const plan = plan_of({});
  CHECK(plan.benchmarks.size() == bench::benchmarks().size());
  CHECK(plan.types == std::vector<DType>{DType::float32});
  std::vector<bench::SameAxes> const expected = {
      {Axis::world, Axis::stage, Axis::expert_block}, {Axis::tp, Axis::etp}, {Axis::dp, Axis::ep}};
  CHECK(plan.axes == expected);
  CHECK(bench::collectives(plan).size() == 15);
}

TEST_CASE("What is named is run alone") {
  Request request;
  request.axes = {"ep"};
  request.collectives = {"all_to_all"};
  request.types = {"float64"};
  auto const plan = plan_of(request);
  CHECK(plan.axes == std::vector<bench::SameAxes>{{Axis::ep}});
  CHECK(plan.types == std::vector<DType>{DType::float64});
  REQUIRE(bench::collectives(plan).size() == 1);
  CHECK(bench::collectives(plan).front().name == "ep.all_to_all");
}

TEST_CASE("Sizes go from the smallest by the factor up to the largest") {
  Request request;
  request.min_bytes = 100;
  request.max_bytes = 2699;
  request.factor = 3;
  CHECK(plan_of(request).sizes == std::vector<std::int64_t>{100, 300, 900});
  request.max_bytes = 2700;
  CHECK(plan_of(request).sizes.back() == 2700);
  request.max_bytes = request.min_bytes;
  CHECK(plan_of(request).sizes.size() == 1);
}

TEST_CASE("A request that does not suit the layout is refused with what would") {
  Request request;
  CHECK_THROWS_WITH(bench::plan(request, layout_of(1, 1, 1), DType::float32), Contains("mpirun -n 2"));
  request.axes = {"edp"};
  CHECK_THROWS_WITH(plan_of(request), Contains("--axis edp") && Contains("1 rank"));
  request = {};
  request.max_bytes = 1000;
  CHECK_THROWS_WITH(plan_of(request), Contains("--max-bytes 1000 is below --min-bytes 1024"));
  request = {};
  request.min_bytes = 15;
  CHECK_THROWS_WITH(plan_of(request), Contains("--min-bytes 15") && Contains("at least 16"));
  request = {};
  request.skew = 3;
  CHECK_THROWS_WITH(plan_of(request), Contains("--skew 3") && Contains("of tp"));
  request.collectives = {"all_reduce"};
  CHECK_NOTHROW(plan_of(request));
  request = {};
  request.axes = {"world"};
  request.skew = 4;
  request.max_bytes = std::int64_t(1) << 32;
  CHECK_THROWS_WITH(plan_of(request),
                    Contains("--max-bytes 4294967296: all_to_all_skewed") && Contains("the 2147483647 elements"));
}
