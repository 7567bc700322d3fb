#include "gates/pooled/expert_choice_selection.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "gates/pooled/places.hpp"
#include "gates/ties.hpp"

namespace moescope::gates {

namespace {

/// The `count` tokens with the largest affinity to expert e, best first.
std::vector<int> tokens_of(std::span<double const> affinity, std::int64_t num_experts, int e, std::int64_t count) {
  std::vector<int> order(affinity.size() / num_experts);
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int a, int b) {
    double const rank_a = rank_of(affinity[a * num_experts + e]), rank_b = rank_of(affinity[b * num_experts + e]);
    return rank_a != rank_b ? rank_a > rank_b : a < b;
  });
  order.resize(count);
  return order;
}

}  // namespace

ExpertChoices choose_tokens(std::span<double const> affinity, std::int64_t num_experts, std::int64_t per_token) {
  MOESCOPE_CHECK(0 < per_token && per_token <= num_experts);
  auto const tokens = std::ssize(affinity) / num_experts;
  MOESCOPE_CHECK(tokens * num_experts == std::ssize(affinity));
  auto const places = balanced_places(tokens * per_token, num_experts);
  std::vector<std::vector<int>> experts_of(tokens);
  ExpertChoices result{{}, std::vector<double>(num_experts)};
  for (int e = 0; e < num_experts; ++e) {
    auto const taken = tokens_of(affinity, num_experts, e, places[e]);
    for (int const t : taken) experts_of[t].push_back(e);
    if (!taken.empty()) result.lowest[e] = affinity[taken.back() * num_experts + e];
  }
  for (auto const& experts : experts_of) result.choices.add_token(experts);
  result.choices = best_first(result.choices, affinity, num_experts);
  return result;
}

}  // namespace moescope::gates
