#include "metrics/bandwidth.hpp"

#include <cmath>

#include "base/error.hpp"

namespace moescope::metrics {

double algbw(double payload_bytes, double seconds) { return payload_bytes / seconds; }

double bus_factor(std::string_view operation, std::int64_t ranks) {
  MOESCOPE_CHECK(ranks >= 1);
  if (operation == "all_to_all") return ranks > 1 ? 1 : 0;
  double const others = double(ranks - 1) / double(ranks);
  if (operation == "all_reduce") return 2 * others;
  MOESCOPE_CHECK(operation == "all_gather" || operation == "reduce_scatter");
  return others;
}

double busbw(double payload_bytes, double seconds, std::string_view operation, std::int64_t ranks) {
  return algbw(payload_bytes, seconds) * bus_factor(operation, ranks);
}

std::int64_t wire_bytes(std::int64_t payload_bytes, std::string_view operation, std::int64_t ranks) {
  return std::llround(double(payload_bytes) * bus_factor(operation, ranks));
}

}  // namespace moescope::metrics
