#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace moescope {

/// The row of a dispatcher: all that is known of it without asking it. `dispatch/registry.cpp` adds the factory.
struct DispatcherKind {
  /// rows: one for each kept choice, over ep and etp. tokens: all of an expert block's, gathered by its ranks.
  enum class Moves { rows, tokens };

  std::string_view name;
  Moves moves = Moves::rows;
  std::int64_t largest_ep = INT64_MAX;  ///< that `layout.ep` may be
};

inline constexpr std::array all_dispatcher_kinds = std::to_array<DispatcherKind>(
    {{.name = "local", .largest_ep = 1}, {.name = "all_to_all"}, {.name = "all_gather", .moves = DispatcherKind::Moves::tokens}});

inline constexpr auto dispatcher_kind_names = [] {
  std::array<std::string_view, all_dispatcher_kinds.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = all_dispatcher_kinds[i].name;
  return names;
}();

/// Of a name that validation has checked.
constexpr DispatcherKind const& dispatcher_kind(std::string_view name) {
  for (auto const& kind : all_dispatcher_kinds)
    if (kind.name == name) return kind;
  throw "the dispatcher is unknown";
}

}  // namespace moescope
