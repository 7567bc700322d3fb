#include "run/dry_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "traffic/memory.hpp"
#include "traffic/traffic.hpp"

namespace moescope {
namespace {

constexpr std::int64_t most_ranks_counted = 1024, most_ranks_weighed = 4096;

struct Bytes {
  std::int64_t largest = 0;         ///< of one rank
  std::optional<std::int64_t> sum;  ///< over all ranks; none where only rank 0 was counted
};

struct DryRun {
  traffic::Memory memory;
  std::int64_t ranks_counted = 0;
  std::vector<traffic::Collective> collectives;
  std::vector<Bytes> payload;          ///< [collectives]
  std::vector<std::int64_t> calls;     ///< [collectives] of rank 0
  std::map<Axis, Bytes> axis_payload;  ///< of the axes in use
};

traffic::Memory heaviest_rank(RunConfig const& config, Layout const& layout) {
  auto const ranks = layout.ranks();
  auto const stride = ranks <= most_ranks_weighed ? 1 : ranks - 1;
  traffic::Memory heaviest;
  for (std::int64_t rank = 0; rank < ranks; rank += stride) {
    auto const memory = traffic::memory_estimate(config, layout, rank);
    if (memory.total() > heaviest.total()) heaviest = memory;
  }
  return heaviest;
}

void count(Bytes& bytes, std::int64_t of_rank, bool all_ranks) {
  bytes.largest = std::max(bytes.largest, of_rank);
  if (all_ranks) bytes.sum = bytes.sum.value_or(0) + of_rank;
}

void count_rank(RunConfig const& config, Layout const& layout, std::int64_t rank, DryRun& result) {
  bool const all_ranks = result.ranks_counted == layout.ranks();
  auto const volumes = traffic::even_step_volumes(config, layout, rank);
  std::map<Axis, std::int64_t> of_axis;
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    count(result.payload[i], volumes[i].payload_bytes, all_ranks);
    of_axis[result.collectives[i].axis] += volumes[i].payload_bytes;
    if (rank == 0) result.calls[i] = volumes[i].calls;
  }
  for (auto const& [axis, bytes] : of_axis) count(result.axis_payload[axis], bytes, all_ranks);
}

DryRun evaluate(RunConfig const& config, Layout const& layout) {
  DryRun result;
  result.memory = heaviest_rank(config, layout);
  result.ranks_counted = layout.ranks() <= most_ranks_counted ? layout.ranks() : 1;
  result.collectives = traffic::collectives(config, layout);
  result.payload.resize(result.collectives.size());
  result.calls.resize(result.collectives.size());
  for (std::int64_t rank = 0; rank < result.ranks_counted; ++rank) count_rank(config, layout, rank, result);
  return result;
}

std::string readable(std::int64_t bytes) {
  constexpr char const* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = double(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string readable(std::optional<std::int64_t> bytes) { return bytes ? readable(*bytes) : "-"; }

std::string memory_text(traffic::Memory const& memory) {
  return fmt::format(
      "memory of the heaviest rank (estimate): {} = parameters {} + gradients {} + optimizer {} + activations {}\n",
      readable(memory.total()), readable(memory.parameters), readable(memory.gradients), readable(memory.optimizer),
      readable(memory.activations));
}

std::string exchanges_text(DryRun const& run, Layout const& layout) {
  if (run.collectives.empty()) return "one rank exchanges nothing\n";
  bool const all_ranks = run.ranks_counted == layout.ranks();
  std::string text = fmt::format("payload of one step; assumes even routing\n  {:<38}{:>7}{:>9}{:>14}{:>14}\n", "exchange",
                                 "ranks", "calls", all_ranks ? "largest rank" : "rank 0", "all ranks");
  for (std::size_t i = 0; i < run.collectives.size(); ++i) {
    auto const& c = run.collectives[i];
    text += fmt::format("  {:<38}{:>7}{:>9}{:>14}{:>14}\n", c.name, layout.size(c.axis), run.calls[i],
                        readable(run.payload[i].largest), readable(run.payload[i].sum));
  }
  text += "  by axis\n";
  for (auto const& [axis, bytes] : run.axis_payload)
    text += fmt::format("  {:<38}{:>7}{:>9}{:>14}{:>14}\n", name(axis), layout.size(axis), "", readable(bytes.largest),
                        readable(bytes.sum));
  return text;
}

nlohmann::ordered_json json_of(Bytes const& bytes) {
  nlohmann::ordered_json json = {{"largest_rank", bytes.largest}, {"all_ranks", nullptr}};
  if (bytes.sum) json["all_ranks"] = *bytes.sum;
  return json;
}

nlohmann::ordered_json json_of(Layout const& layout) {
  nlohmann::ordered_json json = {{"ranks", layout.ranks()}};
  for (auto const axis : {Axis::tp, Axis::dp, Axis::ep, Axis::etp, Axis::edp}) json[name(axis)] = layout.size(axis);
  return json;
}

nlohmann::ordered_json json_of(traffic::Memory const& memory) {
  return {{"parameters", memory.parameters},
          {"gradients", memory.gradients},
          {"optimizer", memory.optimizer},
          {"activations", memory.activations},
          {"total", memory.total()}};
}

nlohmann::ordered_json exchanges_json(DryRun const& run, Layout const& layout) {
  nlohmann::ordered_json json = {{"assumes", "even routing"}, {"ranks_counted", run.ranks_counted}};
  json["collectives"] = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < run.collectives.size(); ++i) {
    auto const& c = run.collectives[i];
    json["collectives"].push_back({{"name", c.name},
                                   {"axis", name(c.axis)},
                                   {"operation", traffic::name(c.operation)},
                                   {"ranks", layout.size(c.axis)},
                                   {"calls", run.calls[i]},
                                   {"payload_bytes", json_of(run.payload[i])}});
  }
  json["axes"] = nlohmann::ordered_json::object();
  for (auto const& [axis, bytes] : run.axis_payload) json["axes"][name(axis)] = json_of(bytes);
  return json;
}

}  // namespace

std::string dry_run_text(RunConfig const& config, Layout const& layout, LaunchFacts const& launch) {
  auto const run = evaluate(config, layout);
  auto const parameters = count_parameters(config.model);
  return layout.describe() + "\n" +
         fmt::format("parameters: {} in all, {} active for a token\n", parameters.total, parameters.active) +
         memory_text(run.memory) + exchanges_text(run, layout) +
         fmt::format("computation_key {}\ncell_key {}\n", computation_key(config, launch.data_fingerprint),
                     cell_key(config, launch.threads, launch.build, launch.data_fingerprint));
}

std::string dry_run_json(RunConfig const& config, Layout const& layout, LaunchFacts const& launch) {
  auto const run = evaluate(config, layout);
  auto const parameters = count_parameters(config.model);
  nlohmann::ordered_json json = {{"layout", json_of(layout)},
                                 {"parameters", {{"total", parameters.total}, {"active", parameters.active}}},
                                 {"memory_bytes_of_heaviest_rank", json_of(run.memory)},
                                 {"step", exchanges_json(run, layout)},
                                 {"computation_key", computation_key(config, launch.data_fingerprint)},
                                 {"cell_key", cell_key(config, launch.threads, launch.build, launch.data_fingerprint)}};
  return json.dump(2) + "\n";
}

}  // namespace moescope
