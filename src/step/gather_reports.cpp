#include "step/gather_reports.hpp"

#include <utility>

namespace moescope {

void gather_reports(Mesh const& mesh, StepReport& report) {
  auto const& mine = report.own;
  auto const packed = mine.pack();
  auto const all = mesh.world().gather(std::span<double const>(packed), 0);
  for (std::size_t begin = 0; begin < all.size(); begin += packed.size()) {
    report.ranks.push_back(mine.unpacked(std::span(all).subspan(begin, packed.size())));
  }
  if (!report.expert_pairs.empty()) report.expert_pairs = mesh.world().sum(std::move(report.expert_pairs));
}

}  // namespace moescope
