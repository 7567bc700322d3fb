#include "gates/forced/replayed.hpp"

#include "gates/forced/counted.hpp"

namespace moescope::forced {
namespace {

/// Of what is recorded [steps, layers, ...].
template <class Recorded>
std::int64_t row(Recorded const& recorded, std::int64_t step, std::int64_t layer) {
  auto const row = (recorded.steps == 1 ? 0 : step) * recorded.layers + layer;
  MOESCOPE_CHECK(row < recorded.steps * recorded.layers);
  return row;
}

class ChosenBefore final : public ForcedRouting {
 public:
  ChosenBefore(Batch const& batch, RecordedChoices recorded) : batch_(batch), recorded_(std::move(recorded)) {
    MOESCOPE_CHECK(recorded_.tokens == batch_.tokens);
  }

  void choose(std::int64_t step, std::int64_t layer, std::span<std::int64_t const> tokens, std::vector<int>& offsets,
              std::vector<int>& expert) const override {
    offsets.assign(1, 0);
    expert.clear();
    auto const first = recorded_.offsets.begin() + row(recorded_, step, layer) * batch_.tokens;
    for (auto const token : tokens) {
      auto const offset = first + batch_.position(step, token);
      expert.insert(expert.end(), recorded_.expert.begin() + offset[0], recorded_.expert.begin() + offset[1]);
      offsets.push_back(int(expert.size()));
    }
  }

 private:
  Batch batch_;
  RecordedChoices recorded_;
};

}  // namespace

std::unique_ptr<ForcedRouting const> replayed(Batch const& batch, RecordedCounts recorded) {
  MOESCOPE_CHECK(recorded.experts == batch.num_experts);
  return counted(batch, [recorded = std::move(recorded)](std::int64_t step, std::int64_t layer) {
    auto const first = recorded.count.begin() + row(recorded, step, layer) * recorded.experts;
    return std::vector(first, first + recorded.experts);
  });
}

std::unique_ptr<ForcedRouting const> replayed(Batch const& batch, RecordedChoices recorded) {
  return std::make_unique<ChosenBefore>(batch, std::move(recorded));
}

}  // namespace moescope::forced
