#include <cmath>

#include "layout/layout_json.hpp"
#include "run/dry_run.hpp"
#include "run/planned_step.hpp"
#include "tensors/parameter_counts.hpp"

namespace moescope {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(PlannedBytes const& bytes) {
  Json json = {{"largest_rank", bytes.largest}, {"all_ranks", nullptr}};
  if (bytes.sum) json["all_ranks"] = *bytes.sum;
  return json;
}

Json json_of(BatchConfig const& batch) {
  return {{"sequences", batch.sequences}, {"sequence_length", batch.sequence_length}, {"micro_steps", batch.micro_steps}};
}

/// An integer where 63 bits hold it.
Json json_of_bytes(double bytes) { return bytes < 0x1p63 ? Json(std::int64_t(bytes)) : Json(bytes); }

Json json_of(traffic::Memory const& memory) {
  return {{"parameters", json_of_bytes(memory.parameters)},
          {"gradients", json_of_bytes(memory.gradients)},
          {"optimizer", json_of_bytes(memory.optimizer)},
          {"activations", json_of_bytes(memory.activations)},
          {"total", json_of_bytes(memory.total())}};
}

Json json_of(PlannedStep const& step, Layout const& layout) {
  Json json = {{"assumes", step.assumes}, {"ranks_counted", step.ranks_counted}};
  json["collectives"] = Json::array();
  for (std::size_t i = 0; i < step.collectives.size(); ++i) {
    auto const& c = step.collectives[i];
    json["collectives"].push_back({{"name", c.name},
                                   {"axis", name(c.axis)},
                                   {"operation", traffic::name(c.operation)},
                                   {"ranks", layout.size(c.axis)},
                                   {"calls", step.calls[i]},
                                   {"payload_bytes", json_of(step.payload[i])},
                                   {"heaviest_rank", step.payload[i].heaviest_rank}});
  }
  json["axes"] = Json::object();
  for (auto const& [axis, bytes] : step.axis_payload) json["axes"][name(axis)] = json_of(bytes);
  return json;
}

}  // namespace

std::string dry_run_json(RunConfig const& config, Layout const& layout, LaunchFacts const& launch) {
  auto const step = plan_step(config, layout, launch.forced);
  auto const parameters = parameter_counts(config.model);
  Json const json = {{"layout", moescope::json_of(layout)},
                     {"ranks_are", launch.fewest_ranks ? "the fewest that the layout allows" : "given"},
                     {"batch", json_of(config.batch)},
                     {"dtype", name(config.train.dtype)},
                     {"assumed", config.assumed},
                     {"parameters", {{"total", parameters.total}, {"active", std::llround(parameters.active)}}},
                     {"memory_bytes_of_heaviest_rank", json_of(step.memory)},
                     {"run_file", {{"bytes", launch.run_file_bytes}, {"detail_every", launch.detail_every}}},
                     {"step", json_of(step, layout)},
                     {"computation_key", computation_key(config, launch.data_fingerprint)},
                     {"cell_key", cell_key(config, launch.threads, launch.build, launch.data_fingerprint)}};
  return json.dump(2) + "\n";
}

}  // namespace moescope
