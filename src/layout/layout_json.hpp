#pragma once
#include <nlohmann/json.hpp>

#include "layout/layout.hpp"

namespace moescope {

/// Sizes of the axes by the names of the keys of [layout].
nlohmann::ordered_json json_of(Layout const& layout);

}  // namespace moescope
