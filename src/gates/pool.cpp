#include "gates/pool.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace moescope {

std::vector<double> in_token_order(std::vector<double> gathered, std::vector<std::vector<Range>> const& runs,
                                   std::int64_t width) {
  struct Placed {
    Range tokens;
    std::int64_t from;  ///< place of the first token in `gathered`
  };
  std::vector<Placed> all;
  std::int64_t tokens = 0;
  for (auto const& owner : runs)
    for (auto const& run : owner) {
      all.push_back({run, tokens});
      tokens += run.size();
    }
  MOESCOPE_CHECK(std::int64_t(gathered.size()) == tokens * width);
  auto const before = [](Placed const& a, Placed const& b) { return a.tokens.begin < b.tokens.begin; };
  if (std::is_sorted(all.begin(), all.end(), before)) return gathered;
  std::sort(all.begin(), all.end(), before);
  std::vector<double> sorted;
  for (auto const& run : all) {
    auto const first = gathered.begin() + run.from * width;
    sorted.insert(sorted.end(), first, first + run.tokens.size() * width);
  }
  return sorted;
}

}  // namespace moescope
