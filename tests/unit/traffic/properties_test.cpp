#include <algorithm>
#include <numeric>
#include <random>

#include "support/catch.hpp"
#include "unit/traffic/small_run.hpp"

using namespace moescope;
using namespace moescope::testing;
using namespace moescope::traffic;

namespace {

constexpr std::int64_t row_bytes = 64, number_bytes = 8;

RunConfig eight_experts(std::string const& mode) {
  auto config = small_run();
  config.train.mode = mode;
  config.batch = {6, 4, 3};
  config.model.num_heads = 8;
  config.model.num_experts = 8;
  config.model.expert_widths.assign(2, std::vector<std::int64_t>(8, 8));
  return config;
}

/// Counts with empty ranks, empty experts and everything on one expert among them.
RoutedCounts random_counts(RunConfig const& config, Layout const& layout, unsigned seed) {
  std::mt19937 generator(seed);
  RoutedCounts counts(config.batch.micro_steps, config.model.num_layers, layout.ranks(), config.model.num_experts);
  for (auto& count : counts.count) count = std::max(0, int(generator() % 12) - 5);
  for (std::int64_t e = 0; e < counts.experts; ++e) counts.at(0, 0, layout.ranks() - 1, e) = 0;
  for (std::int64_t e = 1; e < counts.experts; ++e)
    for (std::int64_t r = 0; r < counts.ranks; ++r) counts.at(1, 1, r, e) = 0;
  return counts;
}

template <class Action>
void for_all_layouts(Action&& action) {
  for (std::int64_t const ranks : {1, 2, 4, 8})
    for (std::int64_t tp = 1; tp <= ranks; tp *= 2)
      for (std::int64_t ep = 1; ep <= ranks; ep *= 2)
        for (std::int64_t etp = 1; ep * etp <= ranks; etp *= 2)
          for (auto const* order : {"tp-ep-dp", "ep-dp-tp", "dp-tp-ep"}) action(make_layout({ranks, tp, ep, etp, order}));
}

/// Where one choice goes, found by search over all ranks: same edp and etp coordinates, holder of the expert.
std::int64_t destination(ModelConfig const& model, Layout const& layout, std::int64_t source, std::int64_t expert) {
  for (std::int64_t r = 0; r < layout.ranks(); ++r) {
    bool const reachable = layout.coordinate(Axis::edp, r) == layout.coordinate(Axis::edp, source) &&
                           layout.coordinate(Axis::etp, r) == layout.coordinate(Axis::etp, source);
    if (reachable && layout.experts(model, r).contains(expert)) return r;
  }
  return -1;
}

/// [source][destination] rows of a whole step, one choice at a time.
std::vector<std::vector<std::int64_t>> rows_by_search(RunConfig const& config, Layout const& layout, RoutedCounts const& counts) {
  std::vector<std::vector<std::int64_t>> rows(std::size_t(layout.ranks()),
                                              std::vector<std::int64_t>(std::size_t(layout.ranks())));
  for (std::int64_t m = 0; m < counts.micro_steps; ++m)
    for (std::int64_t l = 0; l < counts.layers; ++l)
      for (std::int64_t r = 0; r < counts.ranks; ++r)
        for (std::int64_t e = 0; e < counts.experts; ++e)
          rows[std::size_t(r)][std::size_t(destination(config.model, layout, r, e))] += counts.at(m, l, r, e);
  return rows;
}

std::int64_t payload(RunConfig const& config, Layout const& layout, RoutedCounts const& counts, std::int64_t rank,
                     std::string_view name) {
  return volume_of(config, layout, step_volumes(config, layout, counts, rank), name).payload_bytes;
}

}  // namespace

TEST_CASE("Bytes of the expert exchanges are those of every choice's way, found by search") {
  for (std::string const mode : {"train", "forward"}) {
    auto const config = eight_experts(mode);
    for_all_layouts([&](Layout const& layout) {
      auto const counts = random_counts(config, layout, 1);
      auto const rows = rows_by_search(config, layout, counts);
      auto const out = row_bytes + number_bytes + (mode == "train" ? row_bytes : 0);
      auto const back = row_bytes + (mode == "train" ? row_bytes + number_bytes : 0);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        auto const bytes = peer_bytes(config, layout, counts, std::int64_t(r));
        for (std::size_t q = 0; q < rows.size(); ++q) REQUIRE(bytes[q] == rows[r][q] * out + rows[q][r] * back);
      }
    });
  }
}

TEST_CASE("Rows sent are rows received") {
  auto const config = eight_experts("train");
  for_all_layouts([&](Layout const& layout) {
    if (layout.size(Axis::ep) == 1) return;
    auto const counts = random_counts(config, layout, 2);
    std::int64_t sent = 0, received = 0, weighted = 0, returned = 0;
    for (std::int64_t r = 0; r < layout.ranks(); ++r) {
      sent += payload(config, layout, counts, r, names::combine_backward);
      received += payload(config, layout, counts, r, names::combine_forward);
      weighted += payload(config, layout, counts, r, names::dispatch_forward);
      returned += payload(config, layout, counts, r, names::dispatch_backward);
    }
    REQUIRE(sent > 0);
    REQUIRE(sent == received);
    REQUIRE(weighted == returned);
    REQUIRE(weighted * row_bytes == sent * (row_bytes + number_bytes));
  });
}

TEST_CASE("The peers' bytes are the expert exchanges' payload, and symmetric in training") {
  auto const config = eight_experts("train");
  for_all_layouts([&](Layout const& layout) {
    auto const counts = random_counts(config, layout, 3);
    auto const list = collectives(config, layout);
    for (std::int64_t r = 0; r < layout.ranks(); ++r) {
      auto const volumes = step_volumes(config, layout, counts, r);
      std::int64_t exchanged = 0;
      for (std::size_t i = 0; i < list.size(); ++i)
        if (list[i].operation == Operation::all_to_all) exchanged += volumes[i].payload_bytes;
      auto const bytes = peer_bytes(config, layout, counts, r);
      REQUIRE(std::accumulate(bytes.begin(), bytes.end(), std::int64_t{0}) - bytes[std::size_t(r)] == exchanged);
      for (std::int64_t q = 0; q < layout.ranks(); ++q)
        REQUIRE(bytes[std::size_t(q)] == peer_bytes(config, layout, counts, q)[std::size_t(r)]);
    }
  });
}

TEST_CASE("Every kept choice is computed once by each rank that shares its expert") {
  auto const config = eight_experts("train");
  for_all_layouts([&](Layout const& layout) {
    auto const counts = random_counts(config, layout, 4);
    auto const kept = std::accumulate(counts.count.begin(), counts.count.end(), std::int64_t{0});
    std::int64_t computed = 0;
    for (std::int64_t r = 0; r < layout.ranks(); ++r) {
      auto const rows = computed_rows(config, layout, counts, r);
      for (std::size_t l = 0; l < 2; ++l) {
        computed += rows.sum[l];
        REQUIRE(rows.worst_micro_step[l] <= rows.sum[l]);
        REQUIRE(rows.worst_micro_step[l] * config.batch.micro_steps >= rows.sum[l]);
      }
    }
    REQUIRE(computed == kept * layout.size(Axis::etp));
  });
}

TEST_CASE("Members of a group make the same calls, and gather and reduce the same buffer") {
  auto config = eight_experts("train");
  config.model.gate.kind = "switch";
  for_all_layouts([&](Layout const& layout) {
    auto const counts = random_counts(config, layout, 5);
    auto const list = collectives(config, layout);
    for (std::int64_t r = 0; r < layout.ranks(); ++r) {
      auto const mine = step_volumes(config, layout, counts, r);
      for (std::size_t i = 0; i < list.size(); ++i) {
        REQUIRE(mine[i].calls > 0);
        auto const first = step_volumes(config, layout, counts, layout.members(list[i].axis, r).front())[i];
        REQUIRE(mine[i].calls == first.calls);
        if (list[i].operation != Operation::all_to_all) REQUIRE(mine[i] == first);
      }
    }
  });
}
