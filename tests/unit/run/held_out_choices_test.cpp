#include "run/held_out_choices.hpp"

#include "base/upload.hpp"
#include "support/catch.hpp"

using namespace moescope;

namespace {

/// One router's choices of a micro-batch.
RoutingRecord choices(std::vector<int> const& offsets, std::vector<int> const& expert) {
  RoutingRecord record;
  record.layers.emplace_back();
  record.layers[0].offsets = upload(ExecSpace(), "test::offsets", offsets);
  record.layers[0].expert = upload(ExecSpace(), "test::expert", expert);
  return record;
}

using Counts = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("a held-out token has changed where its set of experts has, whatever their order and number") {
  ExecSpace const exec;
  HeldOutChoices held_out;
  CHECK_FALSE(held_out.begin_evaluation());
  CHECK(held_out.changed_tokens(exec, choices({0, 2, 4}, {0, 1, 2, 3})) == Counts{0});
  CHECK(held_out.changed_tokens(exec, choices({0, 1}, {3})) == Counts{0});
  CHECK(held_out.begin_evaluation());
  CHECK(held_out.changed_tokens(exec, choices({0, 2, 4}, {1, 0, 2, 1})) == Counts{1});
  CHECK(held_out.changed_tokens(exec, choices({0, 2}, {3, 0})) == Counts{1});
  CHECK(held_out.begin_evaluation());
  CHECK(held_out.changed_tokens(exec, choices({0, 2, 4}, {0, 1, 1, 2})) == Counts{0});  // than in the evaluation before
  CHECK(held_out.changed_tokens(exec, choices({0, 0}, {})) == Counts{1});
}
