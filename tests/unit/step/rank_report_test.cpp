#include <cmath>
#include <limits>
#include <set>

#include "step/step_report.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

/// Two collectives, two layers, three experts, two micro-steps, four ranks; every number is another one.
RankReport full_report() {
  RankReport report;
  report.step_seconds = 0.1;
  report.checks_seconds = 0.15;
  report.phase_seconds = {0.2, 0.3, 0.4};
  report.volumes = {{1, 2, 3}, {4, 5, 6}};
  report.wait_seconds = {0.5, 0.6};
  report.transfer_seconds = {0.7, 0.8};
  report.routed = {10, 11, 12, 13, 14, 15};
  report.processed = {20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
  report.rows = {40, 41};
  report.rows_worst = {50, 51};
  report.expert_rows = {90, 91, 92, 93, 94, 95};
  report.rows_sent = {100, 101};
  report.rows_received = {110, 111};
  report.peer_bytes = {60, 61, 62, (std::int64_t{1} << 53) - 1};
  report.confidence = {{160, 161, 162, 163, 164}, {165, 166, 167, 168, 169}};
  report.memory_bytes = 70;
  report.memory_by_purpose = {80, 81, 82, 83};
  report.executed_flops = 1e17;
  report.energy_joules = {0.9, 0.95};
  report.computed = {{{120, 121, 122}, {123, 124, 125}}, {130, 131}, {140, 141}, {150, 151, 152, 153}};
  return report;
}

/// The same shape, all zero.
RankReport empty_report() { return full_report().unpacked(std::vector<double>(full_report().pack().size())); }

bool same(RankReport const& a, RankReport const& b) {
  return a.step_seconds == b.step_seconds && a.checks_seconds == b.checks_seconds && a.phase_seconds == b.phase_seconds &&
         a.volumes == b.volumes && a.wait_seconds == b.wait_seconds && a.transfer_seconds == b.transfer_seconds &&
         a.routed == b.routed && a.processed == b.processed && a.rows == b.rows && a.rows_worst == b.rows_worst &&
         a.expert_rows == b.expert_rows && a.rows_sent == b.rows_sent && a.rows_received == b.rows_received &&
         a.peer_bytes == b.peer_bytes && a.confidence == b.confidence && a.memory_bytes == b.memory_bytes &&
         a.memory_by_purpose == b.memory_by_purpose && a.executed_flops == b.executed_flops &&
         a.energy_joules == b.energy_joules && a.computed.volumes == b.computed.volumes && a.computed.rows == b.computed.rows &&
         a.computed.rows_worst == b.computed.rows_worst && a.computed.peer_bytes == b.computed.peer_bytes;
}

}  // namespace

TEST_CASE("a rank's report survives the way to rank 0, number by number") {
  auto const report = full_report();
  auto const packed = report.pack();
  CHECK(packed.size() == 4 + 3 + 6 + 4 + 6 + 12 + 2 + 2 + 6 + 2 + 2 + 4 + 10 + 4 + 2 + (6 + 2 + 2 + 4));
  CHECK(std::set<double>(packed.begin(), packed.end()).size() == packed.size());
  CHECK(same(empty_report().unpacked(packed), report));
  CHECK_FALSE(same(empty_report(), report));
}

TEST_CASE("a wait that cannot be separated stays not a number") {
  auto report = full_report();
  report.wait_seconds[1] = std::numeric_limits<double>::quiet_NaN();
  auto const arrived = empty_report().unpacked(report.pack());
  CHECK(arrived.wait_seconds[0] == 0.5);
  CHECK(std::isnan(arrived.wait_seconds[1]));
  CHECK(arrived.transfer_seconds == report.transfer_seconds);
}

TEST_CASE("a report of another shape is a programmer's error") {
  auto packed = full_report().pack();
  packed.push_back(0);
  CHECK_THROWS_AS(full_report().unpacked(packed), std::logic_error);
  packed.resize(packed.size() - 2);
  CHECK_THROWS_AS(full_report().unpacked(packed), std::logic_error);
}
