#include <fmt/format.h>

#include "config/families/family.hpp"

namespace moescope::families {

PublishedExperts separate_experts(Fields const& fields, char const* width, std::string const& prefix,
                                  std::array<std::string_view, 3> names) {
  fields.fixed("hidden_act", "silu");
  auto const name = [&](std::string_view projection) { return fmt::format("{}{{}}.{}.weight", prefix, projection); };
  return {PublishedExperts::Form::separate, fields.count(width), name(names[0]), name(names[1]), name(names[2])};
}

PublishedExperts fused_experts(Fields const& fields, char const* width, std::string const& prefix, PublishedExperts::Form form) {
  fields.fixed("hidden_act", "silu");
  return {form, fields.count(width), prefix + "gate_up_proj", "", prefix + "down_proj"};
}

}  // namespace moescope::families
