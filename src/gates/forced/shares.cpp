#include "gates/forced/shares.hpp"

#include <algorithm>
#include <cmath>

#include "gates/forced/counts_of_shares.hpp"
#include "gates/forced/distinct_experts.hpp"

namespace moescope::forced {
namespace {

constexpr double largest_exponent = 64;  // one expert has all but 2^-64
constexpr int bisections = 64;

Shares by_rank(std::int64_t num_experts, double exponent) {
  Shares shares;
  for (std::int64_t rank = 1; rank <= num_experts; ++rank) shares.push_back(std::pow(double(rank), -exponent));
  return shares;
}

}  // namespace

Shares hot(std::vector<bool> const& is_hot, double share) {
  auto const experts = double(is_hot.size()), number = double(std::count(is_hot.begin(), is_hot.end(), true));
  Shares shares;
  for (bool const each : is_hot) shares.push_back(each ? share / number : (1 - share) / (experts - number));
  return shares;
}

std::vector<bool> hot_set(Batch const& batch, std::int64_t layer, std::int64_t number, std::int64_t moves) {
  auto const order = shuffled_experts(batch.seed, layer, batch.num_experts);
  std::vector<bool> is_hot(order.size());
  auto const first = moves % batch.num_experts * number;
  for (std::int64_t i = 0; i < number; ++i) is_hot[std::size_t(order[std::size_t((first + i) % batch.num_experts)])] = true;
  return is_hot;
}

Shares zipf(Batch const& batch, std::int64_t layer, double exponent) {
  auto const order = shuffled_experts(batch.seed, layer, batch.num_experts);
  auto const of_rank = by_rank(batch.num_experts, exponent);
  Shares shares(order.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) shares[std::size_t(order[rank])] = of_rank[rank];
  return shares;
}

Shares log_normal(Batch const& batch, std::int64_t layer, double sigma) {
  RandomStream const stream(batch.seed, Purpose::forced_experts, 0, layer);
  Shares shares;
  for (std::int64_t e = 0; e < batch.num_experts; ++e) shares.push_back(std::exp(sigma * stream.normal(e, 0)));
  return shares;
}

double zipf_exponent_of(Batch const& batch, double max_vio) {
  auto const choices = batch.tokens * batch.choices;
  auto const wanted = std::llround((1 + max_vio) * double(choices) / double(batch.num_experts));
  double low = 0, high = largest_exponent;
  for (int i = 0; i < bisections; ++i) {
    auto const middle = (low + high) / 2;
    bool const is_flatter = counts_of_shares(by_rank(batch.num_experts, middle), choices, batch.tokens).front() < wanted;
    (is_flatter ? low : high) = middle;
  }
  return high;
}

}  // namespace moescope::forced
