#include "layout/layout_json.hpp"

namespace moescope {

nlohmann::ordered_json json_of(Layout const& layout) {
  nlohmann::ordered_json json = {{"ranks", layout.ranks()}};
  for (auto const axis : {Axis::tp, Axis::dp, Axis::ep, Axis::etp, Axis::edp}) json[name(axis)] = layout.size(axis);
  json["order"] = layout.order();
  return json;
}

}  // namespace moescope
