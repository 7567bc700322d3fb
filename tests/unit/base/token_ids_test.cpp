#include "base/token_ids.hpp"

#include "base/to_host.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

std::vector<std::int64_t> on_device(TokenIds const& ids) {
  auto const host = Kokkos::create_mirror_view_and_copy(Kokkos::HostSpace{}, ids.on_device());
  return {host.data(), host.data() + host.size()};
}

}  // namespace

TEST_CASE("token ids of several runs are the same on the host, on the device and in any part of the rows") {
  TokenIds const ids({{-3, -1}, {4, 5}, {7, 10}});
  std::vector<std::int64_t> const all{-3, -2, 4, 7, 8, 9};
  CHECK(ids.size() == 6);
  CHECK(ids.on_host() == all);
  CHECK(on_device(ids) == all);
  for (std::int64_t begin = 0; begin <= 6; ++begin)
    for (auto end = begin; end <= 6; ++end) {
      auto const part = ids.rows(begin, end);
      std::vector<std::int64_t> const expected(all.begin() + begin, all.begin() + end);
      CHECK(part.size() == end - begin);
      CHECK(part.on_host() == expected);
      CHECK(on_device(part) == expected);
    }
  CHECK(TokenIds().on_host().empty());
  CHECK(TokenIds({{3, 3}, {4, 5}, {7, 7}}).runs() == std::vector<Range>{{4, 5}});
}

TEST_CASE("the first row from an id on is found between, before and behind the runs") {
  auto const ids = TokenIds({{-3, -1}, {4, 5}, {7, 10}}).on_device();
  for (auto const& [id, row] :
       std::vector<std::pair<std::int64_t, std::int64_t>>{{-9, 0}, {-3, 0}, {-2, 1}, {-1, 2}, {4, 2}, {5, 3}, {9, 5}, {10, 6}})
    CHECK(first_row_from(ids, id) == row);
  CHECK(first_row_from({}, 3) == 0);
}

TEST_CASE("runs that overlap or stand in no order are a programmer's error") {
  CHECK_THROWS_AS(TokenIds({{0, 3}, {2, 5}}), std::logic_error);
  CHECK_THROWS_AS(TokenIds({{4, 5}, {0, 3}}), std::logic_error);
}
