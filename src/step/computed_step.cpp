#include "step/computed_step.hpp"

#include <cstring>

#include "base/error.hpp"
#include "config/routers.hpp"

namespace moescope {

namespace {

/// [members, own.size()] By way of the first member, like other gathers for the record.
std::vector<std::int64_t> of_all_members(Communicator const& group, std::vector<std::int64_t> const& own) {
  auto all = group.gather(std::span<std::int64_t const>(own), 0);
  all.resize(own.size() * std::size_t(group.size()));
  std::vector<char> bytes(all.size() * sizeof(std::int64_t));
  std::memcpy(bytes.data(), all.data(), bytes.size());
  group.broadcast(bytes, 0);
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

}  // namespace

ComputedStep compute_step(RunConfig const& config, Mesh const& mesh, std::vector<std::int64_t> const& sent) {
  auto const& layout = mesh.layout();
  auto const [layers, experts] = router_extents(config.model);
  auto const micro_steps = config.batch.micro_steps;
  auto const members = layout.size(Axis::expert_block), rank = std::int64_t(mesh.rank());
  MOESCOPE_CHECK(std::int64_t(sent.size()) == micro_steps * layers * experts);
  auto const of_members = of_all_members(mesh.group(Axis::expert_block), sent);
  traffic::RoutedCounts counts(micro_steps, layers, members, experts);
  counts.of_block = true;
  auto next = of_members.begin();
  for (std::int64_t member = 0; member < members; ++member)
    for (std::int64_t m = 0; m < micro_steps; ++m)
      for (std::int64_t l = 0; l < layers; ++l)
        for (std::int64_t e = 0; e < experts; ++e) counts.at(m, l, member, e) = *next++;

  auto const rows = traffic::computed_rows(config, layout, counts, rank);
  return {traffic::step_volumes(config, layout, counts, rank), rows.sum, rows.worst_micro_step,
          traffic::peer_bytes(config, layout, counts, rank)};
}

}  // namespace moescope
