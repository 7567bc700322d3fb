#include "gates/forced/counted.hpp"

#include <algorithm>
#include <numeric>

#include "gates/forced/distinct_experts.hpp"
#include "gates/forced/permutation.hpp"

namespace moescope::forced {
namespace {

/// The choices of one layer in one step, laid out one after the other, those of an expert side by side. The token in place x of a
/// random order of all T tokens makes choices x, x + T, x + 2 T, ...: distinct, since no expert has more than T (the wrap-around
/// rule of McNaughton, "Scheduling with Deadlines and Loss Functions", Management Science 6, 1959).
class Deal {
 public:
  Deal(std::vector<std::int64_t> const& counts, std::int64_t tokens, RandomStream const& stream)
      : tokens_(tokens), stream_(stream), place_of_(stream, tokens) {
    DistinctExperts(std::int64_t(counts.size())).draw(stream, experts_id, std::int64_t(counts.size()), order_);
    std::int64_t end = 0;
    for (auto const e : order_) {
      MOESCOPE_CHECK(0 <= counts[std::size_t(e)] && counts[std::size_t(e)] <= tokens);
      ends_.push_back(end += counts[std::size_t(e)]);
    }
  }

  /// Appends the choices of the token in a position of the step, beginning with any of them.
  void append(std::int64_t position, std::vector<int>& expert) const {
    auto const place = place_of_(position), total = ends_.back();
    auto const choices = place < total ? (total - place - 1) / tokens_ + 1 : 0;
    auto const first = std::int64_t(stream_.uniform(position, first_choice) * double(choices));
    for (std::int64_t c = 0; c < choices; ++c) expert.push_back(expert_at(place + (first + c) % choices * tokens_));
  }

 private:
  static constexpr std::int64_t experts_id = -1, first_choice = -1;  // neither is a half or a round of the permutation

  int expert_at(std::int64_t choice) const {
    return order_[std::size_t(std::upper_bound(ends_.begin(), ends_.end(), choice) - ends_.begin())];
  }

  std::int64_t tokens_;
  RandomStream stream_;
  Permutation place_of_;
  std::vector<int> order_;
  std::vector<std::int64_t> ends_;  ///< [E] of each expert's choices, in this order
};

class Counted final : public ForcedRouting {
 public:
  Counted(Batch const& batch, CountsOfStep counts) : batch_(batch), counts_(std::move(counts)) {}

  void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
              std::vector<int>& expert) const override {
    offsets.assign(1, 0);
    expert.clear();
    Deal const deal(counts_(step, layer), batch_.tokens, {batch_.seed, Purpose::forced_tokens, step, layer});
    for (auto const token : tokens) {
      deal.append(batch_.position(step, token), expert);
      offsets.push_back(int(expert.size()));
    }
  }

 private:
  Batch batch_;
  CountsOfStep counts_;
};

}  // namespace

std::unique_ptr<ForcedRouting const> counted(Batch const& batch, CountsOfStep counts) {
  return std::make_unique<Counted>(batch, std::move(counts));
}

}  // namespace moescope::forced
