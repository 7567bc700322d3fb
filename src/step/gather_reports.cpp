#include "step/gather_reports.hpp"

#include <utility>

namespace moescope {

namespace {

/// Each token's are known to one rank, and -1 on the others.
void gather_choices(Mesh const& mesh, std::vector<std::int64_t>& choices) {
  for (auto& expert : choices) ++expert;
  choices = mesh.world().sum(std::move(choices));
  for (auto& expert : choices) --expert;
}

}  // namespace

void gather_reports(Mesh const& mesh, StepReport& report) {
  auto const& mine = report.own;
  auto const packed = mine.pack();
  auto const all = mesh.world().gather(std::span<double const>(packed), 0);
  for (std::size_t begin = 0; begin < all.size(); begin += packed.size()) {
    report.ranks.push_back(mine.unpacked(std::span(all).subspan(begin, packed.size())));
  }
  if (!report.expert_pairs.empty()) report.expert_pairs = mesh.world().sum(std::move(report.expert_pairs));
  if (!report.choices.empty()) gather_choices(mesh, report.choices);
}

}  // namespace moescope
