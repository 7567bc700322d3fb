#include "base/token_ids.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/upload.hpp"

namespace moescope {

TokenIds::TokenIds(std::vector<Range> runs) : runs_(std::move(runs)) {
  std::erase_if(runs_, [](Range const& run) { return run.size() == 0; });
  for (std::size_t i = 1; i < runs_.size(); ++i) MOESCOPE_CHECK(runs_[i - 1].end <= runs_[i].begin);
  device_ = upload("base::token_ids", on_host());
}

std::vector<std::int64_t> TokenIds::on_host() const {
  std::vector<std::int64_t> ids;
  for (auto const& run : runs_)
    for (auto id = run.begin; id < run.end; ++id) ids.push_back(id);
  return ids;
}

TokenIds TokenIds::rows(std::int64_t begin, std::int64_t end) const {
  TokenIds part;
  if (begin == end) return part;
  part.device_ = Kokkos::subview(device_, Kokkos::make_pair(begin, end));
  std::int64_t row = 0;  // of a run's first token
  for (auto const& run : runs_) {
    Range const cut{run.begin + std::max<std::int64_t>(0, begin - row), run.begin + std::min(run.size(), end - row)};
    if (cut.size() > 0) part.runs_.push_back(cut);
    row += run.size();
  }
  return part;
}

}  // namespace moescope
