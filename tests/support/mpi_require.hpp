#pragma once
#include <cstdint>

#include "comm/communicator.hpp"
#include "support/catch.hpp"

namespace moescope::test {

/// Number of ranks on which `holds` is false or throws. Collective.
template <class Predicate>
std::int64_t ranks_without(Communicator const& communicator, bool& here, Predicate&& holds) {
  try {
    here = holds();
  } catch (...) {
    here = false;
  }
  return communicator.sum(std::int64_t(!here));
}

}  // namespace moescope::test

/// REQUIRE that holds on every rank of `communicator` or fails on every one: the ranks agree on the verdict first, so
/// that none is left behind in a later collective. Collective.
#define MPI_REQUIRE(communicator, ...)                                                                            \
  do {                                                                                                            \
    bool holds_here = false;                                                                                      \
    auto const ranks_where_false =                                                                                \
        ::moescope::test::ranks_without((communicator), holds_here, [&]() -> bool { return bool(__VA_ARGS__); }); \
    INFO(#__VA_ARGS__ << ": rank " << (communicator).rank() << (holds_here ? " agrees" : " finds it false"));     \
    REQUIRE(ranks_where_false == 0);                                                                              \
  } while (false)
