#include <fmt/format.h>

#include "base/error.hpp"
#include "config/routers.hpp"
#include "record/rows.hpp"

namespace moescope::record {
namespace {

using Integers = std::vector<std::int64_t>;

/// Keeps the first difference between what was counted and what was computed.
class Comparison {
 public:
  Comparison(std::int64_t step, std::string& mismatch) : step_(step), mismatch_(mismatch) {}

  /// `measured` and `expected` of `rank`; `name(i)` says what element i is.
  template <class Name>
  void equal(std::int64_t rank, Integers const& measured, Integers const& expected, Name&& name) {
    MOESCOPE_CHECK(measured.size() == expected.size());
    for (std::size_t i = 0; i < measured.size() && mismatch_.empty(); ++i)
      if (measured[i] != expected[i])
        mismatch_ = fmt::format("step {}, rank {}: {} measured {}, computed from configuration and counts {}", step_, rank,
                                name(i), measured[i], expected[i]);
  }

 private:
  std::int64_t step_;
  std::string& mismatch_;
};

Integers part(std::vector<traffic::Volume> const& volumes, std::int64_t traffic::Volume::*member) {
  Integers values;
  for (auto const& volume : volumes) values.push_back(volume.*member);
  return values;
}

void compare_volumes(Comparison& comparison, std::vector<traffic::Collective> const& collectives, std::int64_t rank,
                     std::vector<traffic::Volume> const& measured, std::vector<traffic::Volume> const& expected) {
  using traffic::Volume;
  constexpr std::pair<char const*, std::int64_t Volume::*> parts[] = {
      {"payload bytes", &Volume::payload_bytes}, {"messages", &Volume::messages}, {"calls", &Volume::calls}};
  for (auto const& [what, member] : parts)
    comparison.equal(rank, part(measured, member), part(expected, member),
                     [&, what = what](std::size_t c) { return fmt::format("{} of {}", what, collectives.at(c).name); });
}

Rows to_rows(std::vector<RankReport> const& ranks, std::size_t layers) {
  Integers payload, messages, calls, sum, worst;
  for (auto const& rank : ranks)
    for (auto const& volume : rank.computed.volumes) {
      payload.push_back(volume.payload_bytes);
      messages.push_back(volume.messages);
      calls.push_back(volume.calls);
    }
  for (std::size_t layer = 0; layer < layers; ++layer)
    for (auto const& rank : ranks) {
      sum.push_back(rank.computed.rows.at(layer));
      worst.push_back(rank.computed.rows_worst.at(layer));
    }
  return {{"/computed/payload_bytes", payload},
          {"/computed/messages", messages},
          {"/computed/calls", calls},
          {"/computed/rank_rows", sum},
          {"/computed/rank_rows_worst_micro_batch", worst}};
}

}  // namespace

Computed computed_rows(RunFileSetup const& setup, StepReport const& report) {
  Computed result;
  Comparison comparison(report.step, result.mismatch);
  MOESCOPE_CHECK(std::int64_t(report.ranks.size()) == setup.layout.ranks());
  auto const named = [](char const* what) { return [what](std::size_t i) { return fmt::format("{} {}", what, i); }; };
  for (std::int64_t r = 0; r < setup.layout.ranks(); ++r) {
    auto const& measured = report.ranks[std::size_t(r)];
    auto const& expected = measured.computed;
    compare_volumes(comparison, setup.collectives, r, measured.volumes, expected.volumes);
    comparison.equal(r, measured.rows, expected.rows, named("rows computed in layer"));
    comparison.equal(r, measured.rows_worst, expected.rows_worst, named("largest micro-batch's rows in layer"));
    comparison.equal(r, measured.peer_bytes, expected.peer_bytes, named("bytes of the expert exchange to rank"));
  }
  result.rows = to_rows(report.ranks, std::size_t(router_extents(setup.config.model).routers));
  return result;
}

}  // namespace moescope::record
