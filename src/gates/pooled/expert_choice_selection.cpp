#include "gates/pooled/expert_choice_selection.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.hpp"
#include "gates/pooled/places.hpp"

namespace moescope::gates {

namespace {

double rank_of(double affinity) { return std::isnan(affinity) ? -std::numeric_limits<double>::infinity() : affinity; }

/// Indices of the `count` largest values, ties to the lower index, best first.
template <class Value>
std::vector<int> largest(int size, std::int64_t count, Value value) {
  std::vector<int> order(size);
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + count, order.end(),
                    [&](int a, int b) { return value(a) != value(b) ? value(a) > value(b) : a < b; });
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
  ExpertChoices choices{{0}, {}, std::vector<double>(num_experts)};
  for (int e = 0; e < num_experts; ++e) {
    auto const taken = largest(int(tokens), places[e], [&](int t) { return rank_of(affinity[t * num_experts + e]); });
    for (int const t : taken) experts_of[t].push_back(e);
    if (!taken.empty()) choices.lowest[e] = affinity[taken.back() * num_experts + e];
  }
  for (std::int64_t t = 0; t < tokens; ++t) {
    auto const& experts = experts_of[t];
    auto const order =
        largest(int(experts.size()), std::ssize(experts), [&](int i) { return rank_of(affinity[t * num_experts + experts[i]]); });
    for (int const i : order) choices.expert.push_back(experts[i]);
    choices.offsets.push_back(int(choices.expert.size()));
  }
  return choices;
}

}  // namespace moescope::gates
