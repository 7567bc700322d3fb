#include "gates/forced/distinct_experts.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace moescope::forced {

DistinctExperts::DistinctExperts(std::int64_t num_experts) : order_(std::size_t(num_experts)) {
  std::iota(order_.begin(), order_.end(), 0);
}

void DistinctExperts::draw(RandomStream const& stream, std::int64_t id, std::int64_t count, std::vector<int>& expert) {
  auto const experts = std::int64_t(order_.size());
  swapped_.clear();
  for (std::int64_t i = 0; i < count; ++i) {
    auto const left = experts - i;
    auto const place = i + std::min(left - 1, std::int64_t(stream.uniform(id, i) * double(left)));
    std::swap(order_[std::size_t(i)], order_[std::size_t(place)]);
    swapped_.push_back(place);
    expert.push_back(order_[std::size_t(i)]);
  }
  for (auto i = count - 1; i >= 0; --i) std::swap(order_[std::size_t(i)], order_[std::size_t(swapped_[std::size_t(i)])]);
}

std::vector<int> shuffled_experts(std::uint64_t seed, std::int64_t layer, std::int64_t num_experts) {
  std::vector<int> order;
  DistinctExperts(num_experts).draw({seed, Purpose::forced_experts, 0, layer}, 0, num_experts, order);
  return order;
}

}  // namespace moescope::forced
