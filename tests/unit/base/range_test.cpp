#include "base/range.hpp"

#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("split covers the total in contiguous ranges that differ by at most one") {
  for (std::int64_t total : {0, 1, 3, 7, 8, 97}) {
    for (std::int64_t parts : {1, 2, 3, 8}) {
      std::int64_t next = 0;
      for (std::int64_t i = 0; i < parts; ++i) {
        auto const range = split(total, parts, i);
        CHECK(range.begin == next);
        CHECK((range.size() == total / parts || range.size() == total / parts + 1));
        for (auto unit = range.begin; unit < range.end; ++unit) CHECK(split_owner(total, parts, unit) == i);
        next = range.end;
      }
      CHECK(next == total);
    }
  }
}
