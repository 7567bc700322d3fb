#pragma once
#include <array>
#include <iterator>
#include <string_view>

#include "base/scalar.hpp"

/// The values that each enumerated key knows, beside the kinds of gate and dispatcher, which have rows of their own.
namespace moescope::choices {

inline constexpr std::array<std::string_view, 1> family{"llama_moe"};
inline constexpr std::array<std::string_view, 3> gate_network{"linear", "linear_bias", "mlp"};
inline constexpr std::array<std::string_view, 2> weight_at{"output", "input"};
inline constexpr std::array<std::string_view, 4> capacity_policy{"none", "position", "probability", "random"};
inline constexpr std::array<std::string_view, 2> capacity_rounding{"down", "up"};
inline constexpr std::array<std::string_view, 2> capacity_order{"token", "choice"};
inline constexpr std::array<std::string_view, 2> load_estimate{"released", "noisy_logit"};
inline constexpr std::array<std::string_view, 2> switch_score{"noisy_logit", "probability"};
inline constexpr std::array<std::string_view, 2> dropped{"zero", "input"};
inline constexpr std::array<std::string_view, 2> ragged_by{"sequence", "token"};
inline constexpr std::array<std::string_view, 2> file_steps{"held", "advancing"};
inline constexpr std::array<std::string_view, 2> schedule{"cosine", "constant"};
inline constexpr std::array<std::string_view, 2> mode{"train", "forward"};
inline constexpr std::array<std::string_view, 2> timing{"free", "phased"};
/// Of the ranks: which dimension of the grid varies fastest, and so on; in the expert mesh tp and dp are etp and edp.
inline constexpr std::array<std::string_view, 6> layout_order{"tp-ep-dp", "tp-dp-ep", "ep-tp-dp",
                                                              "ep-dp-tp", "dp-tp-ep", "dp-ep-tp"};
inline constexpr auto dtype = [] {
  std::array<std::string_view, std::size(scalars)> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = scalars[i].name;
  return names;
}();

}  // namespace moescope::choices
