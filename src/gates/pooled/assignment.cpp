#include "gates/pooled/assignment.hpp"

#include <algorithm>
#include <functional>

#include "base/error.hpp"

namespace moescope::gates {

Assignment::Assignment(std::vector<std::int64_t> worth, std::int64_t num_experts)
    : worth_(std::move(worth)),
      num_experts_(num_experts),
      num_tokens_(std::ssize(worth_) / num_experts),
      has_(worth_.size()),
      tokens_of_(num_experts),
      movers_(num_experts * num_experts) {
  MOESCOPE_CHECK(num_tokens_ * num_experts_ == std::ssize(worth_));
}

void Assignment::add_mover(int token, std::int64_t from, std::int64_t to) {
  auto& heap = movers_[from * num_experts_ + to];
  if (heap.size() > 2 * tokens_of_[from].size() + 16) {  // most of which are no longer there
    std::erase_if(heap, [&](Mover const& mover) { return !can_move(mover.token, from, to); });
    std::sort(heap.begin(), heap.end());
    heap.erase(std::unique(heap.begin(), heap.end()), heap.end());
  }
  heap.push_back({loss(token, from, to), token});
  std::push_heap(heap.begin(), heap.end(), std::greater<>());
}

int Assignment::cheapest_mover(std::int64_t from, std::int64_t to) {
  auto& heap = movers_[from * num_experts_ + to];
  while (!heap.empty() && !can_move(heap.front().token, from, to)) {
    std::pop_heap(heap.begin(), heap.end(), std::greater<>());
    heap.pop_back();
  }
  return heap.empty() ? nobody : heap.front().token;
}

void Assignment::give(int token, std::int64_t expert) {
  MOESCOPE_CHECK(!has(token, expert));
  has_[token * num_experts_ + expert] = 1;
  tokens_of_[expert].push_back(token);
  for (std::int64_t other = 0; other < num_experts_; ++other)
    if (!has(token, other)) add_mover(token, expert, other);
}

void Assignment::take(int token, std::int64_t expert) {
  MOESCOPE_CHECK(has(token, expert));
  has_[token * num_experts_ + expert] = 0;
  std::erase(tokens_of_[expert], token);
  for (std::int64_t other = 0; other < num_experts_; ++other)
    if (has(token, other)) add_mover(token, other, expert);
}

std::vector<int> experts_by_token(Assignment const& assignment) {
  std::vector<int> experts;
  for (std::int64_t t = 0; t < assignment.num_tokens(); ++t)
    for (int e = 0; e < assignment.num_experts(); ++e)
      if (assignment.has(t, e)) experts.push_back(e);
  return experts;
}

}  // namespace moescope::gates
