#include "step/step_report.hpp"

#include "base/error.hpp"

namespace moescope {

namespace {

/// Applies `action` to every number of a report in one fixed order; pack and unpack are this walk.
template <class Report, class Action>
void each_number(Report& report, Action&& action) {
  auto const each = [&](auto& values) {
    for (auto& value : values) action(value);
  };
  action(report.step_seconds);
  action(report.checks_seconds);
  action(report.memory_bytes);
  action(report.executed_flops);
  each(report.phase_seconds);
  auto const each_volume = [&](auto& volumes) {
    for (auto& volume : volumes) {
      action(volume.payload_bytes);
      action(volume.messages);
      action(volume.calls);
    }
  };
  each_volume(report.volumes);
  each(report.wait_seconds);
  each(report.transfer_seconds);
  each(report.routed);
  each(report.processed);
  each(report.pads);
  each(report.rows);
  each(report.rows_worst);
  each(report.expert_rows);
  each(report.rows_sent);
  each(report.rows_received);
  each(report.peer_bytes);
  each(report.loss_realised);
  for (auto& sums : report.confidence) {
    action(sums.tokens);
    action(sums.top_probability);
    action(sums.entropy);
    action(sums.tokens_with_margin);
    action(sums.margin);
  }
  each(report.memory_by_purpose);
  each(report.energy_joules);
  each_volume(report.computed.volumes);
  each(report.computed.rows);
  each(report.computed.rows_worst);
  each(report.computed.peer_bytes);
}

}  // namespace

std::vector<std::int64_t> RankReport::sent() const {
  auto sum = processed;
  for (std::size_t i = 0; i < pads.size(); ++i) sum[i] += pads[i];
  return sum;
}

std::vector<double> RankReport::pack() const {
  std::vector<double> packed;
  each_number(*this, [&](auto const& value) { packed.push_back(double(value)); });
  return packed;
}

RankReport RankReport::unpacked(std::span<double const> packed) const {
  MOESCOPE_CHECK(packed.size() == pack().size());
  RankReport report = *this;
  std::size_t next = 0;
  each_number(report, [&](auto& value) { value = std::remove_reference_t<decltype(value)>(packed[next++]); });
  return report;
}

}  // namespace moescope
