#include "run/binding.hpp"

#include "support/catch.hpp"

using namespace moescope;

TEST_CASE("threads need a core each, of those that they may use") {
  CHECK(have_cores_of_their_own({}));
  CHECK(have_cores_of_their_own({{0, 1}, {0, 1}}));
  CHECK_FALSE(have_cores_of_their_own({{0, 1}, {0, 1}, {0, 1}}));
  CHECK_FALSE(have_cores_of_their_own({{0}, {0}}));                // two ranks that were bound to one core
  CHECK_FALSE(have_cores_of_their_own({{0}, {0}, {0, 1, 2, 3}}));  // enough cores in all
  CHECK(have_cores_of_their_own({{0, 1}, {0}, {1, 2}}));           // the first gives way twice
  CHECK_FALSE(have_cores_of_their_own({{}}));
}

TEST_CASE("cores are written as ranges and read back") {
  CHECK(core_text(std::vector<int>{0, 1, 2, 3, 8}) == "0-3,8");
  CHECK(core_text(std::vector<int>{5}) == "5");
  ThreadCores const alike{{0, 1}, {0, 1}}, apart{{0}, {2, 3}};
  CHECK(core_text(alike) == "0-1");
  CHECK(core_text(apart) == "0;2-3");
  CHECK(cores_from_text("0-1", 2) == alike);
  CHECK(cores_from_text("0;2-3", 2) == apart);
}

TEST_CASE("a crowded host is named with what helps") {
  CHECK(crowded_notice({"rank 0: 0", {}}).empty());
  auto const notice = crowded_notice({"rank 0: 0 | rank 1: 0", {"node7"}});
  for (auto const* part : {"node7", "rank 1: 0", "--bind-to core", "--cpu-bind=cores", "OMP_NUM_THREADS"})
    CHECK_THAT(notice, Catch::Contains(part));
}
