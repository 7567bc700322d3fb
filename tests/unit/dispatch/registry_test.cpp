#include <algorithm>

#include "config/dispatcher_kinds.hpp"
#include "dispatch/dispatcher.hpp"
#include "support/catch.hpp"
#include "support/mpi_require.hpp"
#include "support/user_error.hpp"

using namespace moescope;

namespace {

std::string refusal(std::string const& kind, std::int64_t ep) {
  auto const world = Communicator::world();
  LayoutConfig config;
  config.ep = ep;
  config.etp = 1;
  Mesh mesh(world, Layout(config, world.size()), {});
  return user_error_of([&] { make_dispatcher<double>(kind, mesh, ModelConfig{}); });
}

}  // namespace

TEST_CASE("an unknown dispatcher is refused with the list of the known ones") {
  auto const sentence = refusal("carrier_pigeon", 1);
  INFO(sentence);
  CHECK(mentions(sentence, "carrier_pigeon"));
  for (auto const& kind : dispatcher_kinds()) CHECK(mentions(sentence, kind));
}

TEST_CASE("the configuration knows the dispatchers that the registry makes") {
  auto const kinds = dispatcher_kinds();
  CHECK(std::equal(kinds.begin(), kinds.end(), dispatcher_kind_names.begin(), dispatcher_kind_names.end()));
}

TEST_CASE("the local dispatcher is refused where experts live on other ranks, and only there") {
  auto const ranks = Communicator::world().size();
  CHECK(refusal("local", 1).empty());
  if (ranks == 1) return;
  auto const sentence = refusal("local", ranks);
  INFO(sentence);
  CHECK(mentions(sentence, "layout.ep = " + std::to_string(ranks)));
  CHECK(mentions(sentence, "all_to_all"));
  CHECK(refusal("all_to_all", ranks).empty());
}
