#include "gates/capacity.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "base/error.hpp"

namespace moescope::gates {

namespace {

std::vector<double> drop_keys(std::int64_t tokens, GateContext const& context) {
  if (context.injected && !context.injected->drop_key.empty()) {
    MOESCOPE_CHECK(std::int64_t(context.injected->drop_key.size()) == tokens);
    return context.injected->drop_key;
  }
  RandomStream const stream(context.seed, Purpose::capacity_drop, context.step, context.layer);
  std::vector<double> keys;
  for (auto const id : context.tokens.on_host()) keys.push_back(stream.uniform(id, 0));
  return keys;
}

/// choices: (expert, key) of every token of one pool.
std::vector<int> keep_smallest_keys(std::span<double const> choices, std::int64_t capacity) {
  std::vector<std::int64_t> by_expert(choices.size() / 2);
  std::iota(by_expert.begin(), by_expert.end(), 0);
  std::sort(by_expert.begin(), by_expert.end(), [&](std::int64_t a, std::int64_t b) {
    return std::tie(choices[2 * a], choices[2 * a + 1], a) < std::tie(choices[2 * b], choices[2 * b + 1], b);
  });
  std::vector<int> kept(by_expert.size());
  std::int64_t place = 0;
  for (std::size_t i = 0; i < by_expert.size(); ++i) {
    bool const same_expert = i > 0 && choices[2 * by_expert[i]] == choices[2 * by_expert[i - 1]];
    place = same_expert ? place + 1 : 0;
    kept[by_expert[i]] = place < capacity;
  }
  return kept;
}

}  // namespace

std::int64_t expert_capacity(double capacity_factor, std::int64_t tokens_in_pool, std::int64_t num_experts) {
  double const share = capacity_factor * double(tokens_in_pool) / double(num_experts);
  return share < double(tokens_in_pool) ? std::int64_t(share) : tokens_in_pool;
}

std::vector<int> kept_within_capacity(std::span<int const> expert, std::int64_t capacity, GateContext const& context) {
  auto const owned = std::int64_t(expert.size());
  MOESCOPE_CHECK(owned == context.tokens.size());
  auto const keys = drop_keys(owned, context);
  std::vector<double> own_choices;
  for (std::int64_t t = 0; t < owned; ++t) own_choices.insert(own_choices.end(), {double(expert[t]), keys[t]});
  auto const choices = context.pool->gather(own_choices, 2);
  MOESCOPE_CHECK(std::int64_t(choices.size()) == 2 * context.pool_shape.tokens);

  auto const pool_size = context.pool_shape.tokens_in_pool;
  std::vector<int> kept, pool_kept;
  std::int64_t pool = -1;
  for (auto const id : context.tokens.on_host()) {
    auto const token = id - context.pool_shape.first_id;
    if (token / pool_size != pool) {
      pool = token / pool_size;
      pool_kept = keep_smallest_keys(std::span(choices).subspan(2 * pool * pool_size, 2 * pool_size), capacity);
    }
    kept.push_back(pool_kept[token % pool_size]);
  }
  return kept;
}

}  // namespace moescope::gates
