#include "gates/forced/dealt.hpp"

#include <algorithm>

#include "gates/forced/distinct_experts.hpp"

namespace moescope::forced {
namespace {

class DealtEvenly final : public ForcedRouting {
 public:
  explicit DealtEvenly(Batch const& batch) : batch_(batch) {}

  void choose(std::int64_t step, std::int64_t, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
              std::vector<int>& expert) const override {
    offsets.assign(1, 0);
    expert.clear();
    for (auto const token : tokens) {
      auto const first = batch_.position(step, token) * batch_.choices;
      for (std::int64_t c = 0; c < batch_.choices; ++c) expert.push_back(int((first + c) % batch_.num_experts));
      offsets.push_back(int(expert.size()));
    }
  }

 private:
  Batch batch_;
};

class DrawnRaggedly final : public ForcedRouting {
 public:
  DrawnRaggedly(Batch const& batch, std::int64_t fewest, std::int64_t most, bool by_sequence)
      : batch_(batch), fewest_(fewest), most_(most), by_sequence_(by_sequence) {}

  void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
              std::vector<int>& expert) const override {
    offsets.assign(1, 0);
    expert.clear();
    RandomStream const stream(batch_.seed, Purpose::forced_choices, step, layer);
    DistinctExperts experts(batch_.num_experts);
    for (auto const token : tokens) {
      experts.draw(stream, token, number_of(stream, token), expert);
      offsets.push_back(int(expert.size()));
    }
  }

 private:
  std::int64_t number_of(RandomStream const& stream, std::int64_t token) const {
    auto const numbers = most_ - fewest_ + 1;
    auto const id = by_sequence_ ? token / batch_.sequence_length : token;
    return fewest_ +
           std::min(numbers - 1, std::int64_t(stream.uniform(id, -1) * double(numbers)));  // elements from 0 draw experts
  }

  Batch batch_;
  std::int64_t fewest_, most_;
  bool by_sequence_;
};

class InBursts final : public ForcedRouting {
 public:
  InBursts(std::int64_t period, std::int64_t length, std::unique_ptr<ForcedRouting const> usual,
           std::unique_ptr<ForcedRouting const> burst)
      : period_(period), length_(length), usual_(std::move(usual)), burst_(std::move(burst)) {}

  void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
              std::vector<int>& expert) const override {
    auto const& now = step % period_ < length_ ? *burst_ : *usual_;
    now.choose(step, layer, tokens, offsets, expert);
  }

 private:
  std::int64_t period_, length_;
  std::unique_ptr<ForcedRouting const> usual_, burst_;
};

}  // namespace

std::unique_ptr<ForcedRouting const> dealt_evenly(Batch const& batch) { return std::make_unique<DealtEvenly>(batch); }

std::unique_ptr<ForcedRouting const> drawn_uniformly(Batch const& batch) {
  return std::make_unique<DrawnRaggedly>(batch, batch.choices, batch.choices, false);
}

std::unique_ptr<ForcedRouting const> drawn_raggedly(Batch const& batch, RoutingConfig const& routing) {
  auto const most = routing.most_choices == 0 ? batch.num_experts : routing.most_choices;
  return std::make_unique<DrawnRaggedly>(batch, routing.fewest_choices, most, routing.ragged_by == "sequence");
}

std::unique_ptr<ForcedRouting const> in_bursts(std::int64_t period, std::int64_t length,
                                               std::unique_ptr<ForcedRouting const> usual,
                                               std::unique_ptr<ForcedRouting const> burst) {
  return std::make_unique<InBursts>(period, length, std::move(usual), std::move(burst));
}

}  // namespace moescope::forced
