#include "bench/results_json.hpp"

#include <cmath>

#include "layout/layout_json.hpp"

namespace moescope::bench {

namespace {

using Json = nlohmann::ordered_json;

Json number_or_null(double value) { return std::isnan(value) ? Json() : Json(value); }

Json json_of(Result const& result) {
  Json axes = Json::array();
  for (auto const axis : result.axes) axes.push_back(name(axis));
  return {{"collective", result.benchmark.name},
          {"axes", axes},
          {"groups", result.groups},
          {"ranks", result.message.members()},
          {"type", name(result.type)},
          {"redop", result.benchmark.reduction()},
          {"size_bytes", result.size_bytes()},
          {"count", result.message.count},
          {"parts", result.message.parts},
          {"payload_bytes", result.payload_bytes},
          {"wrong", result.wrong},
          {"median_seconds", number_or_null(result.median_seconds())},
          {"algbw", number_or_null(result.algbw())},
          {"busbw", number_or_null(result.busbw())},
          {"seconds", result.seconds.empty() ? Json() : Json(result.seconds)}};
}

}  // namespace

std::string results_json(Plan const& plan, Layout const& layout, bool timed, Provenance const& provenance,
                         std::vector<Result> const& results) {
  Json json = {{"layout", moescope::json_of(layout)},
               {"warm_up", plan.warm_up},
               {"iterations", plan.iterations},
               {"skew", plan.skew},
               {"oversubscribed", !timed},
               {"definitions", "docs/definitions.md, Benchmarks of collectives"}};
  for (auto const& [key, value] : provenance) json["provenance"][key] = value;
  json["results"] = Json::array();
  for (auto const& result : results) json["results"].push_back(json_of(result));
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace moescope::bench
