#pragma once
#include <array>
#include <string_view>

#include "config/gate_facts.hpp"

/// The values that each enumerated key knows: the one list that reading, messages and tests share.
namespace moescope::choices {

inline constexpr std::array<std::string_view, 1> family{"llama_moe"};
inline constexpr auto gate_kind = [] {
  std::array<std::string_view, all_gate_facts.size()> kinds;
  for (std::size_t i = 0; i < kinds.size(); ++i) kinds[i] = all_gate_facts[i].kind;
  return kinds;
}();
inline constexpr std::array<std::string_view, 2> gate_network{"linear", "mlp"};
inline constexpr std::array<std::string_view, 2> load_estimate{"released", "noisy_logit"};
inline constexpr std::array<std::string_view, 2> switch_score{"noisy_logit", "probability"};
inline constexpr std::array<std::string_view, 2> dropped_padding{"zero", "input"};
inline constexpr std::array<std::string_view, 2> schedule{"cosine", "constant"};
inline constexpr std::array<std::string_view, 2> mode{"train", "forward"};
inline constexpr std::array<std::string_view, 2> timing{"free", "phased"};
inline constexpr std::array<std::string_view, 2> dtype{"float32", "float64"};
inline constexpr std::array<std::string_view, 3> dispatcher{"local", "all_to_all", "all_gather"};

}  // namespace moescope::choices
