#include "bench/result.hpp"

#include "metrics/bandwidth.hpp"
#include "metrics/statistics.hpp"

namespace moescope::bench {

double Result::median_seconds() const { return metrics::median(seconds); }

double Result::algbw() const { return metrics::algbw(double(size_bytes()), median_seconds()); }

double Result::busbw() const {
  auto const bytes = message.bus_payload() * scalar(type).stored;
  return metrics::busbw(double(bytes), median_seconds(), traffic::name(message.operation), message.members());
}

}  // namespace moescope::bench
