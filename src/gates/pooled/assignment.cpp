#include "gates/pooled/assignment.hpp"

#include <algorithm>
#include <tuple>

#include "base/error.hpp"

namespace moescope::gates {

Assignment::Assignment(std::vector<std::int64_t> worth, std::int64_t num_experts)
    : worth_(std::move(worth)),
      num_experts_(num_experts),
      num_tokens_(std::ssize(worth_) / num_experts),
      has_(worth_.size()),
      tokens_of_(num_experts),
      mover_(num_experts * num_experts, nobody) {
  MOESCOPE_CHECK(num_tokens_ * num_experts_ == std::ssize(worth_));
}

void Assignment::consider(int token, std::int64_t from, std::int64_t to) {
  int& mover = mover_[from * num_experts_ + to];
  if (mover == nobody || std::tuple(loss(token, from, to), token) < std::tuple(loss(mover, from, to), mover)) mover = token;
}

void Assignment::find_mover(std::int64_t from, std::int64_t to) {
  mover_[from * num_experts_ + to] = nobody;
  for (int const token : tokens_of_[from])
    if (!has(token, to)) consider(token, from, to);
}

void Assignment::give(int token, std::int64_t expert) {
  MOESCOPE_CHECK(!has(token, expert));
  has_[token * num_experts_ + expert] = 1;
  tokens_of_[expert].push_back(token);
  for (std::int64_t other = 0; other < num_experts_; ++other) {
    if (!has(token, other))
      consider(token, expert, other);
    else if (cheapest_mover(other, expert) == token)
      find_mover(other, expert);
  }
}

void Assignment::take(int token, std::int64_t expert) {
  MOESCOPE_CHECK(has(token, expert));
  has_[token * num_experts_ + expert] = 0;
  std::erase(tokens_of_[expert], token);
  for (std::int64_t other = 0; other < num_experts_; ++other) {
    if (cheapest_mover(expert, other) == token) find_mover(expert, other);
    if (has(token, other)) consider(token, other, expert);
  }
}

std::vector<int> experts_by_token(Assignment const& assignment) {
  std::vector<int> experts;
  for (std::int64_t t = 0; t < assignment.num_tokens(); ++t)
    for (int e = 0; e < assignment.num_experts(); ++e)
      if (assignment.has(t, e)) experts.push_back(e);
  return experts;
}

}  // namespace moescope::gates
