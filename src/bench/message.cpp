#include "bench/message.hpp"

#include <algorithm>
#include <cmath>

#include "base/range.hpp"

namespace moescope::bench {

using enum traffic::Operation;

namespace {

constexpr Benchmark all_benchmarks[] = {
    {.name = "all_reduce", .operation = all_reduce},
    {.name = "all_gather", .operation = all_gather},
    {.name = "reduce_scatter", .operation = reduce_scatter},
    {.name = "all_to_all", .operation = all_to_all},
    {.name = "all_to_all_skewed", .operation = all_to_all, .skewed = true},
};

}  // namespace

std::span<Benchmark const> benchmarks() { return all_benchmarks; }

std::string_view Benchmark::reduction() const { return operation == all_reduce || operation == reduce_scatter ? "sum" : "none"; }

std::int64_t Message::payload(std::int64_t member) const {
  return operation == all_to_all ? elements - parts[std::size_t(member)] : elements;
}

std::int64_t Message::bus_payload() const {
  return operation == all_to_all ? (members() - 1) * *std::max_element(parts.begin(), parts.end()) : elements;
}

Message message(Benchmark const& benchmark, std::int64_t bytes, std::int64_t element_bytes, std::int64_t members, double skew) {
  Message result{
      .operation = benchmark.operation, .count = bytes / element_bytes, .elements = bytes / element_bytes, .parts = {}};
  if (benchmark.operation != all_reduce) {
    result.count /= members;
    result.elements = result.count * members;
  }
  auto const first = benchmark.skewed ? std::llround(skew * double(result.count)) : split(result.elements, members, 0).size();
  result.parts.push_back(first);
  for (std::int64_t i = 0; i + 1 < members; ++i) result.parts.push_back(split(result.elements - first, members - 1, i).size());
  return result;
}

}  // namespace moescope::bench
