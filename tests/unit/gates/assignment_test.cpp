#include "gates/pooled/assignment.hpp"

#include "base/random.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

int cheapest_of_all(gates::Assignment const& assignment, int from, int to) {
  int found = gates::Assignment::nobody;
  for (int t = 0; t < assignment.num_tokens(); ++t)
    if (assignment.has(t, from) && !assignment.has(t, to) &&
        (found == gates::Assignment::nobody || assignment.loss(t, from, to) < assignment.loss(found, from, to)))
      found = t;
  return found;
}

}  // namespace

TEST_CASE("an assignment knows the cheapest mover of every two experts after any number of gifts and returns") {
  RandomStream const stream(9, Purpose::weight, 0, 0);
  int const tokens = 12, experts = 4;
  std::vector<std::int64_t> worth;
  for (int i = 0; i < tokens * experts; ++i) worth.push_back(std::int64_t(6 * stream.uniform(i, 0)));
  gates::Assignment assignment(worth, experts);
  for (int i = 0; i < 6000; ++i) {
    int const token = int(tokens * stream.uniform(i, 1)), expert = int(experts * stream.uniform(i, 2));
    if (assignment.has(token, expert))
      assignment.take(token, expert);
    else
      assignment.give(token, expert);
    if (i % 300 != 0) continue;  // between which returned movers collect
    for (int from = 0; from < experts; ++from)
      for (int to = 0; to < experts; ++to)
        if (from != to) REQUIRE(assignment.cheapest_mover(from, to) == cheapest_of_all(assignment, from, to));
  }
}
